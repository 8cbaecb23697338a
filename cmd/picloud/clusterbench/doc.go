// Package clusterbench measures a cluster of three real servers on one machine
// beside three members of etcd in the same run (`make bench-cluster`): durable
// commits, how soon they are seen on every node, events to many listeners, what
// a cluster takes at rest, and how long it is without a leader.
//
// Invariants: both sides keep their data on the same disk and sync it; the load
// is the same closed loop; machines are noisy, so what counts are ratios of one
// run, and nothing is asserted about time.
//
// Deliberately absent: production code. All is in the tests; etcdload is a
// module of its own, for the sake of etcd's client.
package clusterbench
