package rdf

import "github.com/picloud/picloud/gen/base"

// Isomorphic reports whether two sets of quads are the same up to the labels
// of their blank nodes (RDF 1.1 Semantics, section 3.6). Duplicates do not count.
func Isomorphic(a, b []base.Quad) bool { return false }
