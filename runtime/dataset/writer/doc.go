// Package writer changes RDF datasets: it works a change out on the present
// view of a dataset and puts it through the front door, again and again until
// the dataset was still what the change was worked out on.
//
// Invariants:
//
//   - A change is worked out outside the front door's goroutine, on a view that
//     never changes, and it is decided only if the dataset is still that view.
//   - Changes of one dataset wait in line for each other; those of others do not.
//   - What is answered is in the log and in the dataset that readers see.
//   - What changes nothing writes no event.
//
// Deliberately absent: SPARQL and the Graph Store Protocol, which say what the
// change is, and every way around the front door.
package writer
