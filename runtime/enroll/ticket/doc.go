// Package ticket is the text of an enrolment token: what lets one machine join
// a cluster, and lets the machine know the cluster.
//
// Invariants:
//
//   - A ticket holds 256 random bits; of its whole text the cluster keeps the
//     SHA-256 only.
//   - It names the cluster and the fingerprint of its certificate authority, so
//     whoever holds it can tell the cluster from an impostor before it is shown.
//
// It stands on the standard library alone, because the command line makes
// tickets. Deliberately absent: expiry and use, which are the cluster's to know.
package ticket
