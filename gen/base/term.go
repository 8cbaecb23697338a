package base

import (
	"strconv"
	"time"
)

// TermKind tells the three sorts of RDF term apart.
type TermKind uint8

// The zero kind is no term at all: in a pattern it matches everything, as the
// graph of a quad it means the default graph.
const (
	NoTerm TermKind = iota
	IRITerm
	BlankTerm
	LiteralTerm
)

// Datatypes and properties of RDF and XML Schema that the house uses by name.
const (
	XSD         = "http://www.w3.org/2001/XMLSchema#"
	RDF         = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	RDFS        = "http://www.w3.org/2000/01/rdf-schema#"
	XSDString   = XSD + "string"
	XSDBoolean  = XSD + "boolean"
	XSDInteger  = XSD + "integer"
	XSDDecimal  = XSD + "decimal"
	XSDDouble   = XSD + "double"
	XSDFloat    = XSD + "float"
	XSDDateTime = XSD + "dateTime"
	RDFLangStr  = RDF + "langString"
	RDFType     = RDF + "type"
	RDFFirst    = RDF + "first"
	RDFRest     = RDF + "rest"
	RDFNil      = RDF + "nil"
	RDFSLabel   = RDFS + "label"
	RDFSComment = RDFS + "comment"
)

// Term is an RDF term (RDF 1.1 Concepts, section 3). Terms compare with ==:
// two terms are equal exactly when RDF says so, which for literals means the
// same lexical form, datatype and language tag.
type Term struct {
	Kind TermKind
	// Value is the IRI, the label of a blank node without "_:", or the
	// lexical form of a literal.
	Value string
	// Datatype is the datatype IRI of a literal, always set for literals
	// (xsd:string for plain ones, rdf:langString for those with a language).
	Datatype string
	// Lang is the language tag of a literal, as written, or "".
	Lang string
}

// IRI makes an IRI term.
func IRI(iri string) Term { return Term{Kind: IRITerm, Value: iri} }

// Blank makes a blank node with a label.
func Blank(label string) Term { return Term{Kind: BlankTerm, Value: label} }

// String makes an xsd:string literal.
func String(s string) Term { return Term{Kind: LiteralTerm, Value: s, Datatype: XSDString} }

// LangString makes a literal with a language tag.
func LangString(s, lang string) Term {
	return Term{Kind: LiteralTerm, Value: s, Datatype: RDFLangStr, Lang: lang}
}

// Typed makes a literal of a datatype from its lexical form.
func Typed(lexical, datatype string) Term {
	return Term{Kind: LiteralTerm, Value: lexical, Datatype: datatype}
}

// Integer makes an xsd:integer literal.
func Integer(i int64) Term { return Typed(strconv.FormatInt(i, 10), XSDInteger) }

// Boolean makes an xsd:boolean literal.
func Boolean(b bool) Term { return Typed(strconv.FormatBool(b), XSDBoolean) }

// Double makes an xsd:double literal in canonical form, so that a written
// value reads back as the same term.
func Double(f float64) Term {
	return Typed(strconv.FormatFloat(f, 'E', -1, 64), XSDDouble)
}

// DateTime makes an xsd:dateTime literal in UTC with milliseconds.
func DateTime(t Time) Term { return Typed(t.String(), XSDDateTime) }

// IsZero reports whether t is no term.
func (t Term) IsZero() bool { return t.Kind == NoTerm }

// Triple is an RDF triple.
type Triple struct{ S, P, O Term }

// Quad is a triple in a graph; the zero graph is the default graph.
type Quad struct{ S, P, O, G Term }

// Time is a moment of the log, in milliseconds since 1970 UTC. It is an
// integer so that folds compare and store it exactly.
type Time int64

// TimeOf truncates a wall-clock time to the log's resolution.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Std is the moment as the standard library's type, in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String is the canonical xsd:dateTime: UTC, Z, three digits of milliseconds.
func (t Time) String() string { return t.Std().Format("2006-01-02T15:04:05.000Z") }

// ParseTime reads an xsd:dateTime with a time zone.
func ParseTime(s string) (Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, false
	}
	return TimeOf(t), true
}

// The two namespaces of the platform's own vocabulary: names, equal on every
// cluster and never fetched.
const (
	Ontology = "https://picloud.local/ontology#"
	Meta     = "https://picloud.local/ontology/meta#"
)
