// Package insight tells the cluster what its machines are like and what of them
// is in use: each node measures itself and tells the leader, which writes what
// moved, of all nodes at once.
//
// Invariants:
//
//   - At most one batch of events in an interval, whatever the number of nodes, and
//     none when nothing moved beyond its threshold, which is higher for what was just
//     written (Moved). Only the first figures of a new node do not wait. A node that measures is
//     written once in an hour all the same, so that its figures have a time.
//   - A report is about the node that sent it: the key of the connection says whose
//     it is, and it changes nothing but what the node itself knows. What a node may
//     do (its key, how it was let in) is not among it.
//   - An event holds everything that reports give of a node, made of the report and
//     of what the log says already, so that an older one can be dropped.
//   - What cannot be measured is absent, not zero.
//   - Every goroutine ends with Close.
//
// Deliberately absent: whether a node answers (membership), figures of workloads,
// history (the log has it as long as observations are kept).
package insight
