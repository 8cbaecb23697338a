package sparql

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Footprint is what of a dataset the answer of a query can depend on: a quad
// that matches none of the patterns may come or go, and the answer stays.
type Footprint struct {
	Patterns []Pattern
	// Unsteady names what gives another answer on the same data, such as
	// "NOW()"; "" when nothing does.
	Unsteady string
}

// Pattern is a set of quads. Zero terms match every term.
type Pattern struct {
	S, P, O base.Term
	// Fragments takes the fragments of S (S#…) in as well.
	Fragments bool
	// Named asks for the named graph G, or for any if that is zero, instead of
	// the default graph.
	Named bool
	G     base.Term
}

// AnyBlank as the subject of a Pattern matches every blank node.
func AnyBlank() base.Term { return base.Blank("") }

// Matches reports whether a quad belongs to the set, in a dataset that has its
// graph in the default graph, among the named graphs, or in both.
func (p Pattern) Matches(q base.Quad, inDefault, inNamed bool) bool {
	if p.Named && !(inNamed && (p.G.IsZero() || p.G == q.G)) || !p.Named && !inDefault {
		return false
	}
	return p.subject(q.S) && (p.P.IsZero() || p.P == q.P) && (p.O.IsZero() || p.O == q.O)
}

func (p Pattern) subject(s base.Term) bool {
	switch {
	case p.S.IsZero(), p.S == s:
		return true
	case p.S == AnyBlank():
		return s.Kind == base.BlankTerm
	}
	return p.Fragments && s.Kind == base.IRITerm && strings.HasPrefix(s.Value, p.S.Value+"#")
}

// Footprint computes what the query reads from its algebra.
func (q *Query) Footprint() Footprint {
	f := &footprint{seen: map[Pattern]bool{}}
	f.walk(q.op, activeGraph{}, algebra.Vars{})
	for _, t := range q.tree.Template {
		if t.S.Term.Kind == base.BlankTerm || t.O.Term.Kind == base.BlankTerm {
			f.unsteady("a blank node in the template")
		}
	}
	for _, n := range q.tree.Describe {
		f.described(n.Term)
	}
	return f.Footprint
}

type footprint struct {
	names algebra.Names
	Footprint
	seen map[Pattern]bool
}

// activeGraph is the graph that patterns are matched in.
type activeGraph struct {
	named bool
	g     base.Term
}

func (f *footprint) unsteady(what string) {
	if f.Unsteady == "" {
		f.Unsteady = what
	}
}

func (f *footprint) add(in activeGraph, s, p, o base.Term) {
	f.put(Pattern{S: s, P: p, O: o, Named: in.named, G: in.g})
}

func (f *footprint) put(p Pattern) {
	if !f.seen[p] {
		f.seen[p] = true
		f.Patterns = append(f.Patterns, p)
	}
}

// described adds the quads of a resource: its own, those of its fragments, and
// those of the blank nodes that they may lead to. A variable may be anything.
func (f *footprint) described(resource base.Term) {
	for _, named := range []bool{false, true} {
		if resource.IsZero() {
			f.put(Pattern{Named: named})
			continue
		}
		f.put(Pattern{S: resource, Fragments: true, Named: named})
		f.put(Pattern{S: AnyBlank(), Named: named})
	}
}

// walk adds what an operator reads. anchored are variables that whatever the
// operator is joined with binds to a term of the same graph: where a path of no
// steps ends at one of them, no other term matters.
func (f *footprint) walk(op algebra.Op, in activeGraph, anchored algebra.Vars) {
	switch o := op.(type) {
	case *algebra.BGP:
		for _, t := range o.Patterns {
			f.add(in, t.S.Term, t.P.Term, t.O.Term)
		}
	case *algebra.Path:
		f.path(o, in, anchored)
	case *algebra.Join:
		both := anchored.Union(f.anchors(o.Left)).Union(f.anchors(o.Right))
		f.walk(o.Left, in, both)
		f.walk(o.Right, in, both)
	case *algebra.LeftJoin:
		f.walk(o.Left, in, anchored)
		f.walk(o.Right, in, f.anchors(o.Left))
		f.expr(o.Expr, in)
	case *algebra.Union:
		f.walk(o.Left, in, anchored)
		f.walk(o.Right, in, anchored)
	case *algebra.Filter:
		f.walk(o.Input, in, anchored)
		f.expr(o.Expr, in)
	case *algebra.Extend:
		f.walk(o.Input, in, anchored)
		f.expr(o.Expr, in)
	case *algebra.Graph:
		inner := activeGraph{named: true, g: o.Name.Term}
		if !needsTriple(o.Input) { // then it matters which graphs there are
			f.add(inner, base.Term{}, base.Term{}, base.Term{})
		}
		f.walk(o.Input, inner, algebra.Vars{})
	case *algebra.Group:
		f.walk(o.Input, in, algebra.Vars{})
		for _, b := range append(append([]algebra.Binding(nil), o.Keys...), o.Aggregates...) {
			f.expr(b.Expr, in)
		}
	case *algebra.OrderBy:
		f.walk(o.Input, in, algebra.Vars{})
		for _, k := range o.Keys {
			f.expr(k.Expr, in)
		}
	case *algebra.Service:
		f.unsteady("SERVICE")
	default:
		for _, input := range algebra.Inputs(op) {
			f.walk(input, in, algebra.Vars{})
		}
	}
}

// anchors are variables that every solution of op binds to the subject or the
// object of a triple of the active graph.
func (f *footprint) anchors(op algebra.Op) (out algebra.Vars) {
	switch o := op.(type) {
	case *algebra.BGP:
		for _, t := range o.Patterns {
			for _, n := range []syntax.Node{t.S, t.O} {
				if n.IsVar() {
					out = out.With(f.names.Number(n.Var))
				}
			}
		}
	case *algebra.Join:
		return f.anchors(o.Left).Union(f.anchors(o.Right))
	case *algebra.LeftJoin:
		return f.anchors(o.Left)
	case *algebra.Filter:
		return f.anchors(o.Input)
	case *algebra.Extend:
		return f.anchors(o.Input)
	}
	return out
}

// needsTriple reports an operator without solutions in an empty graph.
func needsTriple(op algebra.Op) bool {
	switch o := op.(type) {
	case *algebra.BGP:
		return len(o.Patterns) > 0
	case *algebra.Path:
		return !nullable(o.Path)
	case *algebra.Join:
		return needsTriple(o.Left) || needsTriple(o.Right)
	case *algebra.LeftJoin:
		return needsTriple(o.Left)
	case *algebra.Minus:
		return needsTriple(o.Left)
	case *algebra.Union:
		return needsTriple(o.Left) && needsTriple(o.Right)
	case *algebra.Group:
		return len(o.Keys) > 0 && needsTriple(o.Input)
	case *algebra.Graph, *algebra.Table, *algebra.Service:
		return false
	}
	for _, input := range algebra.Inputs(op) {
		return needsTriple(input)
	}
	return false
}

func (f *footprint) path(o *algebra.Path, in activeGraph, anchored algebra.Vars) {
	if nullable(o.Path) && o.S.IsVar() && o.O.IsVar() && !f.names.Has(anchored, o.S.Var) && !f.names.Has(anchored, o.O.Var) {
		f.add(in, base.Term{}, base.Term{}, base.Term{}) // each term of the graph reaches itself
		return
	}
	f.steps(o.Path, in, o.S.Term, o.O.Term)
}

// steps adds the triples that can be a step of a path between two ends.
func (f *footprint) steps(path syntax.Path, in activeGraph, s, o base.Term) {
	switch p := path.(type) {
	case syntax.PathIRI:
		f.add(in, s, p.IRI, o)
	case syntax.PathInverse:
		f.steps(p.Path, in, o, s)
	case syntax.PathSequence:
		// the middle may be any term: each side keeps its outer end alone
		f.steps(p.Left, in, s, base.Term{})
		f.steps(p.Right, in, base.Term{}, o)
	case syntax.PathAlternative:
		f.steps(p.Left, in, s, o)
		f.steps(p.Right, in, s, o)
	case syntax.PathRepeat:
		if p.Many {
			s, o = base.Term{}, base.Term{}
		}
		f.steps(p.Path, in, s, o)
	case syntax.PathNegated:
		if len(p.Forward) > 0 || len(p.Inverse) == 0 {
			f.add(in, s, base.Term{}, o)
		}
		if len(p.Inverse) > 0 {
			f.add(in, o, base.Term{}, s)
		}
	}
}

// nullable reports a path that a way of no steps satisfies.
func nullable(path syntax.Path) bool {
	switch p := path.(type) {
	case syntax.PathInverse:
		return nullable(p.Path)
	case syntax.PathSequence:
		return nullable(p.Left) && nullable(p.Right)
	case syntax.PathAlternative:
		return nullable(p.Left) || nullable(p.Right)
	case syntax.PathRepeat:
		return p.Min == 0 || nullable(p.Path)
	}
	return false
}

// expr adds what the EXISTS of an expression read, and notes what gives another
// value each time.
func (f *footprint) expr(e syntax.Expr, in activeGraph) {
	if e == nil {
		return
	}
	syntax.Walk(e, func(e syntax.Expr) {
		switch x := e.(type) {
		case algebra.Exists:
			f.walk(x.Input, in, algebra.Vars{})
		case syntax.Call:
			switch x.Op {
			case "NOW", "RAND", "UUID", "STRUUID", "BNODE":
				f.unsteady(x.Op + "()")
			}
		}
	})
}
