package syntax

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Form is the form of a query.
type Form uint8

// The query forms (SPARQL 1.1, section 16).
const (
	Select Form = iota
	Construct
	Describe
	Ask
)

func (f Form) String() string {
	return [...]string{"SELECT", "CONSTRUCT", "DESCRIBE", "ASK"}[f]
}

// Query is a query or a sub-query.
type Query struct {
	Form     Form
	Distinct bool
	Reduced  bool
	// Star stands for SELECT * and DESCRIBE *; Projection then lists the
	// variables in scope, in order of first appearance.
	Star       bool
	Projection []Projection
	Template   []Triple // CONSTRUCT
	Describe   []Node
	From       []string
	FromNamed  []string
	Where      *Group // nil for DESCRIBE without a pattern
	GroupBy    []GroupKey
	Having     []Expr
	OrderBy    []OrderKey
	Limit      int // -1 without
	Offset     int
	Values     *InlineData // the VALUES clause behind the query, or nil
}

// Projection is a variable of a SELECT clause, with its expression if it has
// one.
type Projection struct {
	Var  string
	Expr Expr
}

// GroupKey is a condition of GROUP BY; Var is "" where an expression has no
// name.
type GroupKey struct {
	Expr Expr
	Var  string
}

// OrderKey is a condition of ORDER BY.
type OrderKey struct {
	Expr Expr
	Desc bool
}

// Node is a variable or a term. Blank nodes of patterns are variables whose
// name begins with "_:", which no query can write; in a CONSTRUCT template
// they are blank terms.
type Node struct {
	Var  string
	Term base.Term
}

// IsVar reports whether the node is a variable.
func (n Node) IsVar() bool { return n.Var != "" }

func (n Node) String() string {
	if n.IsVar() {
		return "?" + n.Var
	}
	return TermString(n.Term)
}

// Triple is a triple pattern, or a path pattern where Path is not nil.
type Triple struct {
	S, P, O Node
	Path    Path
	Pos     lex.Pos
}

// Group is a group graph pattern: its elements in the order of the text.
type Group struct{ Elements []Element }

// Element is a part of a group graph pattern.
type Element interface{ element() }

// The elements of a group (SPARQL 1.1, section 19.8, productions 54 to 68).
type (
	// Triples is a basic graph pattern with its paths.
	Triples struct{ Patterns []Triple }
	// Filter is FILTER.
	Filter struct{ Expr Expr }
	// Bind is BIND(Expr AS ?Var).
	Bind struct {
		Expr Expr
		Var  string
	}
	// Optional is OPTIONAL.
	Optional struct{ Group *Group }
	// Minus is MINUS.
	Minus struct{ Group *Group }
	// Union is one or more groups joined by UNION.
	Union struct{ Groups []*Group }
	// Graph is GRAPH.
	Graph struct {
		Name  Node
		Group *Group
	}
	// Service is SERVICE.
	Service struct {
		Silent bool
		Name   Node
		Group  *Group
		Pos    lex.Pos
	}
	// InlineData is VALUES; the zero term is UNDEF.
	InlineData struct {
		Vars []string
		Rows [][]base.Term
	}
	// SubSelect is a sub-query.
	SubSelect struct{ Query *Query }
)

func (*Triples) element()    {}
func (*Filter) element()     {}
func (*Bind) element()       {}
func (*Optional) element()   {}
func (*Minus) element()      {}
func (*Union) element()      {}
func (*Graph) element()      {}
func (*Service) element()    {}
func (*InlineData) element() {}
func (*SubSelect) element()  {}

// Path is a property path (section 9.1).
type Path interface{ path() }

// The forms of a property path.
type (
	// PathIRI is a predicate.
	PathIRI struct{ IRI base.Term }
	// PathInverse is ^path.
	PathInverse struct{ Path Path }
	// PathSequence is a/b.
	PathSequence struct{ Left, Right Path }
	// PathAlternative is a|b.
	PathAlternative struct{ Left, Right Path }
	// PathRepeat is path*, path+ or path?.
	PathRepeat struct {
		Path Path
		// Min is 0 or 1, Many tells whether more than one step is allowed.
		Min  int
		Many bool
	}
	// PathNegated is !(a|^b): any predicate but these.
	PathNegated struct{ Forward, Inverse []base.Term }
)

func (PathIRI) path()         {}
func (PathInverse) path()     {}
func (PathSequence) path()    {}
func (PathAlternative) path() {}
func (PathRepeat) path()      {}
func (PathNegated) path()     {}
