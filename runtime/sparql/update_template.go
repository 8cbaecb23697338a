package sparql

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// template makes quads of solutions. A quad that a solution leaves incomplete or
// that RDF does not know is left out (section 4.2.4).
type template struct {
	w     *workspace
	quads []syntax.QuadPattern
	with  base.Term
	made  map[rdf.IDQuad]struct{}
	err   error
}

// newTemplate reads a template; with is the graph of quads that name none.
// Naming a derived graph is an error.
func newTemplate(w *workspace, quads []syntax.QuadPattern, with base.Term) *template {
	t := &template{w: w, quads: quads, with: with, made: map[rdf.IDQuad]struct{}{}}
	for _, q := range quads {
		graph := t.graph(q.Graph)
		if t.err == nil && !graph.IsVar() {
			t.err = w.writable(w.fork.Intern(graph.Term))
		}
	}
	return t
}

func (t *template) graph(n syntax.Node) syntax.Node {
	if n == (syntax.Node{}) {
		return syntax.Node{Term: t.with}
	}
	return n
}

// templateVars are the variables of templates, each once.
func templateVars(templates ...[]syntax.QuadPattern) []string {
	var names []string
	for _, quads := range templates {
		for _, q := range quads {
			for _, n := range []syntax.Node{q.S, q.P, q.O, q.Graph} {
				if n.IsVar() && !slices.Contains(names, n.Var) {
					names = append(names, n.Var)
				}
			}
		}
	}
	return names
}

// fill adds the quads of a solution. Blank nodes are new for each solution. A
// variable never leads into a derived graph.
func (t *template) fill(vars []string, solution []base.Term) {
	blanks := t.w.blanks()
	for _, q := range t.quads {
		graph := t.graph(q.Graph)
		term := func(n syntax.Node) base.Term {
			if !n.IsVar() {
				return blanks(n.Term)
			}
			return solution[slices.Index(vars, n.Var)]
		}
		s, p, o, g := term(q.S), term(q.P), term(q.O), term(graph)
		if s.IsZero() || s.Kind == base.LiteralTerm || p.Kind != base.IRITerm || o.IsZero() || graph.IsVar() && g.Kind != base.IRITerm {
			continue
		}
		quad := rdf.IDQuad{S: t.w.intern(s), P: t.w.intern(p), O: t.w.intern(o), G: t.w.intern(g)}
		if _, seen := t.made[quad]; seen || t.w.isDerived(quad.G) || !t.w.charge(quadCost) {
			continue
		}
		t.made[quad] = struct{}{}
	}
}
