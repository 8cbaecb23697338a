package sparql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// naiveStore does what section 4 of SPARQL 1.1 Update says with a set of quads
// and the naive evaluator.
type naiveStore struct {
	quads map[base.Quad]bool
	nodes int
}

func (n *naiveStore) list() []base.Quad {
	var out []base.Quad
	for q := range n.quads {
		out = append(out, q)
	}
	slices.SortFunc(out, compareQuads)
	return out
}

func (n *naiveStore) inGraph(g base.Term) []base.Quad {
	return slices.DeleteFunc(n.list(), func(q base.Quad) bool { return q.G != g })
}

// run reports whether the operation succeeds.
func (n *naiveStore) run(operation syntax.Operation) bool {
	switch o := operation.(type) {
	case *syntax.InsertData:
		for _, q := range n.fill(o.Quads, base.Term{}, []solution{{}}) {
			n.quads[q] = true
		}
	case *syntax.DeleteData:
		for _, q := range n.fill(o.Quads, base.Term{}, []solution{{}}) {
			delete(n.quads, q)
		}
	case *syntax.Modify:
		n.modify(o)
	case *syntax.Manage:
		if o.Action == "CREATE" {
			return o.Silent || len(n.inGraph(o.Target.Graph)) == 0
		}
		for q := range n.quads {
			named := !q.G.IsZero()
			switch o.Target.Kind {
			case syntax.TargetAll:
			case syntax.TargetDefault:
				named = !named
				fallthrough
			case syntax.TargetNamed:
				if !named {
					continue
				}
			default:
				if q.G != o.Target.Graph {
					continue
				}
			}
			delete(n.quads, q)
		}
	case *syntax.Transfer:
		return n.transfer(o)
	}
	return true
}

func (n *naiveStore) transfer(o *syntax.Transfer) bool {
	from, to := n.inGraph(o.From.Graph), o.To.Graph
	if len(from) == 0 && !o.From.Graph.IsZero() {
		return o.Silent
	}
	if o.From.Graph == to {
		return true
	}
	if o.Action != "ADD" {
		for _, q := range n.inGraph(to) {
			delete(n.quads, q)
		}
	}
	for _, q := range from {
		if o.Action == "MOVE" {
			delete(n.quads, q)
		}
		q.G = to
		n.quads[q] = true
	}
	return true
}

func (n *naiveStore) modify(o *syntax.Modify) {
	eval := newNaive(n.list())
	with := base.Term{}
	if o.With != "" {
		with = base.IRI(o.With)
		eval.defaults = slices.Clone(eval.named[with])
	}
	if len(o.Using)+len(o.UsingNamed) > 0 {
		eval.defaults = nil
		for _, iri := range o.Using {
			eval.merge(base.IRI(iri))
		}
		eval.graphs = slices.DeleteFunc(eval.graphs, func(g base.Term) bool { return !slices.Contains(o.UsingNamed, g.Value) })
		for g := range eval.named {
			if !slices.Contains(eval.graphs, g) {
				delete(eval.named, g)
			}
		}
	}
	query := &syntax.Query{Form: Select, Star: true, Where: o.Where, Limit: -1}
	for _, name := range templateVars(o.Delete, o.Insert) {
		query.Projection = append(query.Projection, syntax.Projection{Var: name})
	}
	solutions := eval.eval(algebra.Translate(query), eval.defaults)
	gone, come := n.fill(o.Delete, with, solutions), n.fill(o.Insert, with, solutions)
	for _, q := range gone {
		delete(n.quads, q)
	}
	for _, q := range come {
		n.quads[q] = true
	}
}

func (n *naiveStore) fill(quads []syntax.QuadPattern, with base.Term, solutions []solution) []base.Quad {
	var out []base.Quad
	for _, s := range solutions {
		fresh := map[string]base.Term{}
		term := func(node syntax.Node) base.Term {
			if node.IsVar() {
				return s[node.Var]
			}
			if node.Term.Kind != base.BlankTerm {
				return node.Term
			}
			if _, ok := fresh[node.Term.Value]; !ok {
				n.nodes++
				fresh[node.Term.Value] = base.Blank(fmt.Sprint("naive", n.nodes))
			}
			return fresh[node.Term.Value]
		}
		for _, p := range quads {
			q := base.Quad{S: term(p.S), P: term(p.P), O: term(p.O), G: term(p.Graph)}
			if p.Graph == (syntax.Node{}) {
				q.G = with
			}
			graph := q.G.Kind == base.IRITerm || q.G.IsZero() && !p.Graph.IsVar()
			if graph && (q.S.Kind == base.IRITerm || q.S.Kind == base.BlankTerm) && q.P.Kind == base.IRITerm && !q.O.IsZero() {
				out = append(out, q)
			}
		}
	}
	return out
}

// template makes the quads of a template.
func (g *generator) template(variables, blanks bool) string {
	node := func() string {
		switch {
		case variables && g.IntN(3) > 0:
			return g.variable()
		case blanks && g.IntN(6) == 0:
			return g.pick("_:x", "_:y")
		}
		return g.node()
	}
	var b strings.Builder
	b.WriteString("{ ")
	triples := func() {
		for range 1 + g.IntN(2) {
			object := node()
			if g.IntN(5) == 0 {
				object = g.literal()
			}
			b.WriteString(node() + " " + g.predicate() + " " + object + " . ")
		}
	}
	if g.IntN(4) > 0 {
		triples()
	}
	if g.IntN(2) == 0 {
		name := g.graphName()
		if variables && g.IntN(3) == 0 {
			name = g.variable()
		}
		b.WriteString("GRAPH " + name + " { ")
		triples()
		b.WriteString("} ")
	}
	return b.String() + "}"
}

func (g *generator) graphName() string { return g.pick(":g", ":h", ":a") }

func (g *generator) operation() string {
	silent := g.pick("", "SILENT ")
	target := func() string { return g.pick("DEFAULT", g.graphName()) }
	switch g.IntN(12) {
	case 0, 1:
		return "INSERT DATA " + g.template(false, true)
	case 2:
		return "DELETE DATA " + g.template(false, false)
	case 3:
		return "DELETE WHERE " + g.template(true, false)
	case 4:
		return g.pick("CLEAR ", "DROP ") + silent + g.pick("DEFAULT", "NAMED", "ALL", "GRAPH :g", "GRAPH :h", "GRAPH :none")
	case 5:
		return g.pick("ADD ", "MOVE ", "COPY ") + silent + target() + " TO " + target()
	case 6:
		return "CREATE " + silent + "GRAPH " + g.pick(":g", ":none")
	}
	var b strings.Builder
	if g.IntN(4) == 0 {
		b.WriteString("WITH " + g.graphName() + " ")
	}
	kind := g.IntN(3)
	if kind != 0 {
		b.WriteString("DELETE " + g.template(true, false) + " ")
	}
	if kind != 1 {
		b.WriteString("INSERT " + g.template(true, true) + " ")
	}
	if g.IntN(5) == 0 {
		b.WriteString(g.pick("USING :g ", "USING :h USING :a ", "USING NAMED :g ", "USING :a USING NAMED :h "))
	}
	return b.String() + "WHERE " + g.group(2)
}

// TestUpdatesAgreeWithTheSpecification runs random requests in the engine and in
// the naive store. PICLOUD_LONG=1 runs 30,000 of them.
func TestUpdatesAgreeWithTheSpecification(t *testing.T) {
	cases := 3000
	if os.Getenv("PICLOUD_LONG") != "" {
		cases = 30_000
	}
	compared, changed, failed := 0, 0, 0
	for seed := 0; compared < cases; seed++ {
		g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 2))}
		quads := g.quads()
		var operations []string
		for range 1 + g.IntN(4) {
			operations = append(operations, g.operation())
		}
		text := "PREFIX : <http://e/> " + strings.Join(operations, " ;\n")
		u, err := ParseUpdate(text, Options{})
		if err != nil {
			continue // the scope of a variable or of a blank node, mostly
		}
		compared++
		store := rdf.NewStore()
		store.LoadQuads(quads)
		before := store.Snapshot()
		oracle := &naiveStore{quads: map[base.Quad]bool{}}
		for _, q := range quads {
			oracle.quads[q] = true
		}
		fails := slices.ContainsFunc(u.operations, func(o syntax.Operation) bool { return !oracle.run(o) })
		change, err := u.Run(context.Background(), UpdateDataset{Snapshot: before}, Limits{})
		if (err != nil) != fails {
			t.Fatalf("seed %d: error %v, want one: %v\n%s\n%s", seed, err, fails, text, quadLines(quads))
		}
		if fails {
			failed++
			continue
		}
		if !change.Empty() {
			changed++
		}
		removed, added := store.Apply(change.Removed, change.Added)
		got := slices.SortedFunc(store.Snapshot().Quads(rdf.IDQuad{}), compareQuads)
		if want := oracle.list(); !rdf.Isomorphic(got, want) || removed != len(change.Removed) || added != len(change.Added) {
			t.Fatalf("seed %d\n%s\n\n%s\ngot\n%s\nwant\n%s", seed, text, quadLines(quads), quadLines(got), quadLines(want))
		}
	}
	t.Logf("%d updates agree, %d changed something, %d failed as they should", compared, changed, failed)
}
