// Package dataset folds the changes of RDF datasets that resources hold, each
// dataset on a goroutine of its own, so that a large change or what is
// concluded from it delays neither the platform's graph nor another dataset.
//
// Invariants:
//
//   - A dataset is what the log says: its resource's changes, in their order,
//     each once. It begins empty with its resource and ends with it.
//   - Fold never waits: not for a dataset, not for a disk, not for a reader.
//     What waits to be applied is bounded in bytes; beyond that only its place
//     in the log waits, and the log is read again.
//   - A reader takes one View, which never changes and says at which position
//     of the log it holds.
//   - A change that cannot be read is set aside whole: the dataset stays as it
//     was and says so, and the node goes on.
//   - An image on the disk may be lost or stale at any time: it says of which
//     position of which history it is, and the log gives the rest.
//   - What is concluded from a dataset is in its graph, and neither in the log
//     nor in its count of quads.
//
// Deliberately absent: kinds by name, SPARQL, permissions, and every way to
// change a dataset other than an event (package writer makes those).
package dataset
