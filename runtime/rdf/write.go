package rdf

import (
	"io"
	"iter"

	"github.com/picloud/picloud/gen/base"
)

// Prefix is a short name for the IRIs that begin with IRI.
type Prefix struct{ Name, IRI string }

// WriteOptions shape what Write writes; none of them changes its meaning.
type WriteOptions struct {
	// Base is declared with @base and written <>; its fragments <#…>.
	Base string
	// Prefixes that may be used; only those in use are declared, in this order.
	Prefixes []Prefix
	// Sorted writes subjects, predicates and objects in a canonical order,
	// instead of the order in which they first come.
	Sorted bool
	// Context of JSON-LD; nil writes expanded IRIs only.
	Context *Context
}

// Write serialises quads. Turtle and N-Triples refuse quads of named graphs.
func Write(w io.Writer, format Format, quads iter.Seq[base.Quad], o WriteOptions) error {
	return nil
}

// Context is what JSON-LD calls by that name, as far as the flat form needs it.
type Context struct {
	Vocab    string
	Prefixes []Prefix
	Terms    []ContextTerm
}

// ContextTerm gives a property a short name and its objects a type: "@id" or a
// datatype IRI.
type ContextTerm struct{ Name, IRI, Type string }
