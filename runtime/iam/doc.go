// Package iam is the trust of a node: the certificate authority of its
// cluster, the key that seals sensitive values, and the bearer tokens that
// prove who a caller is.
//
// Invariants:
//
//   - Keys are made by crypto/rand, live in files of mode 0600 in a directory
//     of mode 0700, and are never logged, shown or put into the log of events.
//   - A key file that others may read is refused, not repaired: what was
//     readable must be taken for known.
//   - Of a bearer token only its SHA-256 is kept; it is compared in constant
//     time and its expiry is checked at each use.
//   - The authority signs for its own domain, loopback and names of this node
//     only; name constraints in its certificate hold it to that.
//
// Deliberately absent: passwords, sessions, the decision of what somebody may
// do (package command asks one place for that), and HTTP.
package iam
