// Package iam is the trust of a cluster: who a node is (Identity), the
// authority that vouches for nodes (Authority), the keys that seal sensitive
// values (Vault, Sealer), whose keys are let in (Members), and the bearer tokens
// that prove who a caller is (Tokens).
//
// Invariants:
//
//   - Keys are made by crypto/rand and derived from nothing public. A node's own
//     keys live in files of mode 0600 in a directory of mode 0700; everything
//     else that is secret lives in the log, sealed or wrapped. None is ever
//     logged, shown, or in an event in the clear.
//   - A key file that others may read is refused, not repaired: what was
//     readable must be taken for known. One that is missing where it was before
//     is lost, and never made anew.
//   - The master key of a cluster has generations, each wrapped for each node that
//     votes. What is sealed is sealed with the newest, and opened with any. A node
//     without a keyring seals, opens and issues nothing, and says so.
//   - A node is its key. What a certificate says of its holder lets nobody in:
//     Members does, from the folded state, so who is removed is out with the
//     event that removes him.
//   - The authority signs names of the cluster for whoever proves to have the key,
//     and refuses a request whole that asks for more.
//   - Of a bearer token only its SHA-256 is kept; it is compared in constant
//     time and its expiry is checked at each use.
//
// Deliberately absent: passwords, sessions, the decision of what somebody may
// do (package command asks one place for that), HTTP, and lists of revoked
// certificates (Members is shorter and cannot be stale where the log is not).
package iam
