package peers

import "github.com/picloud/picloud/gen/base"

// Case is a query over some data with our answer, which other engines are asked
// too.
type Case struct {
	Name  string `json:"name"`
	Data  string `json:"data"` // N-Quads
	Base  string `json:"base"` // of the query's IRIs, may be empty
	Query string `json:"query"`
	// Graph says that the rows are triples with the columns s, p and o.
	Graph bool   `json:"graph"`
	Ours  Answer `json:"ours"`
}

// Answer is what an engine says: an error, a boolean, or rows.
type Answer struct {
	Error   string            `json:"error,omitempty"`
	Boolean *bool             `json:"boolean,omitempty"`
	Rows    []map[string]Term `json:"rows,omitempty"`
}

// Term is an RDF term as the other engines write it, too.
type Term struct {
	Kind     string `json:"kind"` // iri, blank or literal
	Value    string `json:"value"`
	Datatype string `json:"datatype,omitempty"` // full also where a language tag or nothing implies it
	Lang     string `json:"lang,omitempty"`
}

// NewTerm writes a term.
func NewTerm(t base.Term) Term {
	switch t.Kind {
	case base.IRITerm:
		return Term{Kind: "iri", Value: t.Value}
	case base.BlankTerm:
		return Term{Kind: "blank", Value: t.Value}
	}
	return Term{Kind: "literal", Value: t.Value, Datatype: t.Datatype, Lang: t.Lang}
}
