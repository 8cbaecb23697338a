package sparql

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// generator makes random graphs and queries over few terms, so that joins find
// partners and corner cases of scope meet.
type generator struct {
	*rand.Rand
	// inExists keeps to what substitution defines.
	inExists int
	fresh    int
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) node() string { return g.pick(":a", ":b", ":c", ":d") }

func (g *generator) literal() string { return g.pick("1", "2", "3", `"x"`, `"x"@en`, "1.5") }

func (g *generator) variable() string { return g.pick("?a", "?b", "?c", "?d", "?e") }

func (g *generator) predicate() string { return g.pick(":p", ":q", ":r") }

func (g *generator) quads() []base.Quad {
	term := func(s string) base.Term {
		switch {
		case s[0] == ':':
			return base.IRI("http://e/" + s[1:])
		case strings.HasSuffix(s, "@en"):
			return base.LangString("x", "en")
		case s[0] == '"':
			return base.String("x")
		case strings.Contains(s, "."):
			return base.Typed(s, base.XSDDecimal)
		}
		return base.Typed(s, base.XSDInteger)
	}
	graphs := []string{":g", ":h", ":a"}
	if g.IntN(4) == 0 {
		graphs = append(graphs, ":i", ":j", ":k", ":l", ":m")
	}
	var out []base.Quad
	for range 4 + g.IntN(14) + g.IntN(2)*20 {
		q := base.Quad{S: term(g.node()), P: term(g.predicate()), O: term(g.node())}
		if g.IntN(3) == 0 {
			q.O = term(g.literal())
		}
		if g.IntN(2) == 0 {
			q.G = term(g.pick(graphs...))
		}
		out = append(out, q)
	}
	return out
}

func (g *generator) place() string {
	if g.IntN(4) == 0 {
		return g.node()
	}
	return g.variable()
}

func (g *generator) triple() string {
	predicate := g.predicate()
	switch g.IntN(8) {
	case 0:
		predicate = g.variable()
	case 1, 2:
		predicate = g.path(2)
	}
	object := g.place()
	if g.IntN(6) == 0 {
		object = g.literal()
	}
	if g.IntN(12) == 0 {
		object = "[]"
	}
	return g.place() + " " + predicate + " " + object
}

func (g *generator) path(depth int) string {
	if depth == 0 {
		return g.predicate()
	}
	in := func() string { return "(" + g.path(depth-1) + ")" }
	kind := g.IntN(8)
	// With substitution a variable becomes a term, for which a way of no steps
	// needs no graph: a known hole of the specification.
	if g.inExists > 0 && kind >= 6 {
		kind = 5
	}
	switch kind {
	case 0:
		return "^" + in()
	case 1:
		return in() + "/" + in()
	case 2:
		return in() + "|" + in()
	case 3:
		return "!(" + g.predicate() + "|^" + g.predicate() + ")"
	case 4:
		return "!" + g.predicate()
	case 5:
		return in() + "+"
	case 6:
		return in() + "*"
	}
	return in() + "?"
}

func (g *generator) condition(depth int) string {
	switch g.IntN(10) {
	case 9:
		return g.pick(g.variable()+` = "x"`, `"x" = `+g.variable(), `SAMETERM(`+g.variable()+`, "x"@en)`, g.variable()+` IN (:a, "x", :a)`,
			g.variable()+" NOT IN (:a, 2)", g.variable()+" IN (:b, 1)", `SAMETERM(1, `+g.variable()+`)`)
	case 0:
		return "BOUND(" + g.variable() + ")"
	case 1:
		return "!BOUND(" + g.variable() + ")"
	case 2:
		return g.variable() + " = " + g.node()
	case 3:
		return g.variable() + " != " + g.variable()
	case 4:
		return g.variable() + " < " + g.pick("2", "3", g.variable())
	case 5:
		if depth > 0 {
			return "(" + g.condition(depth-1) + g.pick(" && ", " || ") + g.condition(depth-1) + ")"
		}
		return "ISIRI(" + g.variable() + ")"
	case 6:
		return "COALESCE(" + g.variable() + ", 1) = " + g.pick("1", g.variable())
	case 7:
		if depth > 0 {
			g.inExists++
			defer func() { g.inExists-- }()
			return g.pick("", "NOT ") + "EXISTS " + g.group(depth-1)
		}
	}
	return g.variable() + " = " + g.variable()
}

func (g *generator) group(depth int) string {
	var b strings.Builder
	b.WriteString("{ ")
	if g.IntN(8) > 0 {
		b.WriteString(g.triple() + " . ")
	}
	for range g.IntN(3) {
		b.WriteString(g.element(depth) + " ")
	}
	b.WriteString("}")
	return b.String()
}

// star is a join of many patterns, with what filters them.
func (g *generator) star() string {
	var b strings.Builder
	b.WriteString("{ ")
	for range 2 + g.IntN(4) {
		if g.IntN(3) == 0 {
			b.WriteString("?a " + g.predicate() + " " + g.pick(g.node(), g.literal()) + " . ")
			continue
		}
		b.WriteString(g.pick("?a", "?a", "?b", ":a") + " " + g.predicate() + " " + g.pick("?b", "?c", "?d", g.node(), g.literal()) + " . ")
	}
	switch g.IntN(4) {
	case 0:
		g.inExists++
		b.WriteString("FILTER " + g.pick("", "NOT ") + "EXISTS " + g.group(1))
		g.inExists--
	case 1:
		b.WriteString("MINUS " + g.group(1))
	case 2:
		b.WriteString("FILTER(" + g.condition(1) + ")")
	}
	b.WriteString(" }")
	return b.String()
}

func (g *generator) element(depth int) string {
	kind := g.IntN(13)
	if depth == 0 && kind > 4 {
		kind = g.IntN(5)
	}
	if g.inExists > 0 && (kind == 2 || kind == 3 || kind >= 11) {
		kind = 0
	}
	switch kind {
	case 0, 1:
		return g.triple() + " ."
	case 2:
		g.fresh++
		target := g.pick(g.variable(), fmt.Sprintf("?n%d", g.fresh))
		return "BIND(" + g.pick(g.variable(), g.variable()+" + 1", "1", ":a") + " AS " + target + ")"
	case 3:
		return "VALUES (" + g.pick("?a", "?b") + " " + g.pick("?c", "?d") + ") { (" + g.node() + " UNDEF) (" +
			g.pick("UNDEF", g.node()) + " " + g.pick(g.node(), g.literal()) + ") }"
	case 4:
		return "FILTER(" + g.condition(depth) + ")"
	case 5, 6:
		return "OPTIONAL " + g.group(depth-1)
	case 7:
		return g.group(depth-1) + " UNION " + g.group(depth-1)
	case 8:
		return "MINUS " + g.group(depth-1)
	case 9:
		return "GRAPH " + g.pick(":g", g.variable()) + " " + g.group(depth-1)
	case 10:
		return g.group(depth - 1)
	}
	return "{ " + g.subquery(depth-1) + " }"
}

// counted is a query that the index alone may answer.
func (g *generator) counted() string {
	where := "{ " + g.triple() + " }"
	if g.IntN(3) == 0 {
		where = "{ GRAPH :g " + where + " }"
	}
	v := g.variable()
	switch g.IntN(4) {
	case 0:
		return "SELECT (" + g.pick("COUNT(*)", "COUNT(?a)", "COUNT(DISTINCT ?b)") + " AS ?n) WHERE " + where
	case 1:
		return "SELECT (" + v + " AS ?k) (COUNT(*) AS ?n) (COUNT(" + g.variable() + ") AS ?m) WHERE " + where + " GROUP BY " + v
	case 2:
		return "SELECT " + v + " (COUNT(*) AS ?n) WHERE " + where + " GROUP BY " + v
	}
	return "SELECT DISTINCT " + v + " WHERE " + where
}

func (g *generator) subquery(depth int) string {
	switch g.IntN(5) {
	case 3:
		return g.counted()
	case 4:
		return "SELECT ?a ?b WHERE " + g.group(depth) + " ORDER BY ?a ?b LIMIT 2"
	case 0:
		v := g.variable()
		return "SELECT " + v + " (" + g.pick("COUNT(*)", "COUNT(DISTINCT ?c)", "SUM(?b)", "MIN(?d)", "MAX(?e)", "COUNT(DISTINCT *)") +
			" AS ?n) WHERE " + g.group(depth) + " GROUP BY " + v + g.pick("", " HAVING (COUNT(?a) > 1)")
	case 1:
		return "SELECT DISTINCT " + g.variable() + " WHERE " + g.group(depth)
	}
	return "SELECT " + g.variable() + " " + g.variable() + " WHERE " + g.group(depth)
}

// query makes a query whose result does not depend on an order that the
// specification leaves open.
func (g *generator) query() string {
	switch g.IntN(8) {
	case 3:
		return g.counted()
	case 4:
		return "SELECT * WHERE " + g.star()
	case 0:
		return "SELECT DISTINCT ?a ?b WHERE " + g.group(3)
	case 1:
		return g.subquery(3)
	case 2:
		return "SELECT ?a ?b ?c ?d ?e WHERE " + g.group(3) + " ORDER BY ?a DESC(?b) ?c ?d ?e LIMIT 3 OFFSET 1"
	}
	return "SELECT * WHERE " + g.group(3)
}

// TestEngineAgreesWithTheSpecification runs random queries in the engine and in
// the naive evaluator. PICLOUD_LONG=1 runs 100,000 of them, a greater number so many.
func TestEngineAgreesWithTheSpecification(t *testing.T) {
	cases := 4000
	switch n, err := strconv.Atoi(os.Getenv("PICLOUD_LONG")); {
	case err == nil && n > 1:
		cases = n
	case os.Getenv("PICLOUD_LONG") != "":
		cases = 100_000
	}
	compared, rows := 0, 0
	for seed := 0; compared < cases; seed++ {
		g := &generator{Rand: rand.New(rand.NewPCG(uint64(seed), 1))}
		quads := g.quads()
		text := "PREFIX : <http://e/> " + g.query()
		q, err := Parse(text, Options{})
		if err != nil {
			continue // the scope of a variable, mostly
		}
		q.tune = tuning{join: joinChoice(seed / 3 % 3), divide: seed/12%2 == 0}
		got, want, err := bothWays(q, quads, seed%4)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		compared++
		rows += len(want)
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d\n%s\n\n%s\n%s\ngot  %d:\n%s\nwant %d:\n%s", seed, text, q.Algebra(), quadLines(quads),
				len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
		}
	}
	t.Logf("%d queries agree, %d rows", compared, rows)
}

func quadLines(quads []base.Quad) string {
	var b strings.Builder
	for _, q := range quads {
		fmt.Fprintf(&b, "%s %s %s (%s)\n", q.S.Value, q.P.Value, q.O.Value, q.G.Value)
	}
	return b.String()
}

// bothWays gives the sorted rows of the engine and of the oracle. The default
// graph is that of the store, its merge with another, a merge of more graphs than
// are walked one by one, or such a merge beside as many that may not be read.
func bothWays(q *Query, quads []base.Quad, merge int) (got, want []string, err error) {
	store := rdf.NewStore()
	store.LoadQuads(quads)
	all := newNaive(quads)
	oracle := newNaive(slices.DeleteFunc(slices.Clone(quads), func(q base.Quad) bool {
		return merge == 3 && slices.Index(all.graphs, q.G)%2 == 1
	}))
	d := Dataset{Snapshot: store.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
	for i, name := range oracle.graphs {
		id, _ := d.Snapshot.Lookup(name)
		d.Named = append(d.Named, id)
		if merge >= 2 || merge == 1 && i == 0 {
			d.Default = append(d.Default, id)
			oracle.merge(name)
		}
	}
	for id := rdf.ID(2); merge >= 2 && len(d.Default) <= fewGraphs+1; id++ {
		if !slices.Contains(d.Default, id) && !slices.Contains(all.graphs, d.Snapshot.Term(id)) {
			d.Default = append(d.Default, id) // the id of some term, which is no graph
		}
	}
	r, err := Execute(context.Background(), q, d, Limits{})
	if err != nil {
		return nil, nil, err
	}
	for terms, err := range r.Rows() {
		if err != nil {
			return nil, nil, err
		}
		s := solution{}
		for i, t := range terms {
			if !t.IsZero() {
				s[r.Vars[i]] = t
			}
		}
		got = append(got, s.String())
	}
	for _, s := range oracle.eval(q.op, oracle.defaults) {
		want = append(want, s.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	return got, want, nil
}
