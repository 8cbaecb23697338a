// Package torture shows what a cluster of real processes keeps while it is
// mistreated: it lets clients write and read, breaks machines and wires under
// them, records each request with its answer, and judges the record.
//
// It has only tests; "make torture" runs them for as long as TORTURE says, with
// the faults that SEED chooses.
//
// Invariants:
//   - Nodes are the binary, started as an operator starts it. They find each
//     other by multicast; nothing is typed but the founding and an approval.
//   - The judges are pure functions of the record and of the nodes' logs, and
//     have tests of their own with records that are wrong.
//   - A request whose answer did not arrive may have been done or not; every
//     other answer is held against the cluster.
//   - All that is made (namespaces, wires, small disks, processes) ends with
//     the test, however it ends.
//
// Deliberately absent: power cuts below the page cache (runtime/simtest has
// them on disks that forget).
package torture
