// Package ontology judges the vocabulary and the shapes that a product brings,
// before they are declared.
//
// Invariants:
//   - A product speaks about its own terms. What it says about a term of the
//     platform, of the W3C or of another owner is refused where it stands; it may
//     use such a term as a predicate, a class or above one of its own.
//   - What would have no effect is refused too: a shape with a misspelt word would
//     be believed to hold.
//   - Nothing is fetched, and all that is wrong is told at once, up to a bound.
//
// Deliberately absent: kinds by name and where the text comes from. What
// reasoning believes is runtime/reasoning's own law; it is asked here so that
// both say the same.
package ontology
