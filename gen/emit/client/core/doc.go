// Package client talks to a cluster over HTTPS: typed reads and writes of every
// kind, whole deployments, queries, and the stream of events.
//
// It follows no redirect and no link away from its endpoint, so the token goes
// nowhere else. Writes carry an idempotency key, so that a repetition after a
// lost answer changes nothing twice.
package client
