package algebra

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Op is an operator of the algebra (SPARQL 1.1, sections 18.2 and 18.3).
type Op interface{ op() }

// The operators.
type (
	// BGP is a basic graph pattern. Empty, it is the table with one empty row.
	BGP struct{ Patterns []Triple }
	// Path is a path pattern that is more than triples.
	Path struct {
		S, O syntax.Node
		Path syntax.Path
	}
	Join struct{ Left, Right Op }
	// LeftJoin has a nil Expr where OPTIONAL has no filter.
	LeftJoin struct {
		Left, Right Op
		Expr        syntax.Expr
	}
	Filter struct {
		Expr  syntax.Expr
		Input Op
	}
	Union struct{ Left, Right Op }
	Minus struct{ Left, Right Op }
	Graph struct {
		Name  syntax.Node
		Input Op
	}
	Extend struct {
		Input Op
		Var   string
		Expr  syntax.Expr
	}
	// Table is inline data; the zero term is UNDEF.
	Table struct {
		Vars []string
		Rows [][]base.Term
	}
	// Group groups by Keys, each bound to a variable, and binds each aggregate
	// to a variable. Without keys there is always one group.
	Group struct {
		Input      Op
		Keys       []Binding
		Aggregates []Binding // Expr is a syntax.Aggregate
	}
	OrderBy struct {
		Input Op
		Keys  []syntax.OrderKey
	}
	Project struct {
		Input Op
		Vars  []string
	}
	Distinct struct{ Input Op }
	Reduced  struct{ Input Op }
	// Slice keeps Limit rows (-1: all) from row Offset.
	Slice struct {
		Input         Op
		Offset, Limit int
	}
	// Service is a federated pattern; no evaluator of ours runs it.
	Service struct {
		Name   syntax.Node
		Silent bool
		At     string // line:column
	}
)

func (*BGP) op()      {}
func (*Path) op()     {}
func (*Join) op()     {}
func (*LeftJoin) op() {}
func (*Filter) op()   {}
func (*Union) op()    {}
func (*Minus) op()    {}
func (*Graph) op()    {}
func (*Extend) op()   {}
func (*Table) op()    {}
func (*Group) op()    {}
func (*OrderBy) op()  {}
func (*Project) op()  {}
func (*Distinct) op() {}
func (*Reduced) op()  {}
func (*Slice) op()    {}
func (*Service) op()  {}

// Triple is a triple pattern.
type Triple struct{ S, P, O syntax.Node }

// Binding is a variable and the expression that gives its value.
type Binding struct {
	Var  string
	Expr syntax.Expr
}

// Exists is EXISTS or NOT EXISTS over an algebra expression.
type Exists struct {
	Not   bool
	Input Op
}

func (e Exists) String() string {
	if e.Not {
		return "NOT EXISTS {" + Line(e.Input) + "}"
	}
	return "EXISTS {" + Line(e.Input) + "}"
}

// Unit is the pattern with one empty solution.
func Unit() Op { return &BGP{} }

// IsUnit reports whether op is the pattern with one empty solution.
func IsUnit(op Op) bool {
	b, is := op.(*BGP)
	return is && len(b.Patterns) == 0
}
