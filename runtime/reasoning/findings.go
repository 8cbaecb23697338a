package reasoning

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// Finding is a contradiction: the triples of Premises cannot all be true.
type Finding struct {
	// Rule is the W3C's name of what they break, such as "cax-dw".
	Rule  string
	Graph base.Term
	// Premises are what the rule met, given or inferred.
	Premises []base.Quad
	// Given are the given quads that the premises follow from: to mend the
	// contradiction, one of them has to go.
	Given []base.Quad
}

func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "contradiction (%s):", f.Rule)
	for _, q := range f.Premises {
		fmt.Fprintf(&b, " %s %s %s .", show(q.S), show(q.P), show(q.O))
	}
	return b.String()
}

func show(t base.Term) string {
	switch t.Kind {
	case base.IRITerm:
		return compact(t)
	case base.BlankTerm:
		return "_:" + t.Value
	}
	return fmt.Sprintf("%q", t.Value)
}

// Findings lists the contradictions of all graphs, at most limit of them. It
// reads everything that the rules of contradiction speak of, so it is asked
// when somebody wants to know. Graphs whose reasoning is stopped have none.
// The error is that of ctx.
func (r *Reasoner) Findings(ctx context.Context, limit int) ([]Finding, error) {
	var found []Finding
	for _, graph := range r.order {
		e := r.graphs[graph]
		if e.stopped != nil {
			continue
		}
		e.start(ctx, 0)
		seen := map[string]bool{}
		for _, plan := range e.program.false {
			m := match{e: e, plan: plan, mode: finding}
			m.each = func(m *match) {
				if len(found) >= limit {
					m.found = true
					return
				}
				f := e.finding(m, graph)
				if key := fmt.Sprint(f.Rule, f.Premises); !seen[key] {
					seen[key] = true
					found = append(found, f)
				}
			}
			m.step(0)
			if e.err != nil {
				return found, e.err
			}
		}
	}
	return found, nil
}

func (e *engine) finding(m *match, graph base.Term) Finding {
	f := Finding{Rule: m.plan.rule.name, Graph: graph}
	given := map[row]bool{}
	for k := range m.plan.rule.body {
		r := m.rows[k]
		if e.table.facts[r].p <= idMask {
			q := e.quad(r)
			q.G = graph
			f.Premises = append(f.Premises, q)
		}
		e.trace(r, given, map[row]bool{})
	}
	for r := range given {
		q := e.quad(r)
		q.G = graph
		f.Given = append(f.Given, q)
	}
	sortQuads(f.Given)
	return f
}

const traceMax = 1000 // given quads that one fact is traced to

// trace collects given facts that a fact follows from: those of one proof of
// it. Proofs lead to older facts only, so that they end.
func (e *engine) trace(r row, given, seen map[row]bool) {
	if seen[r] || len(given) >= traceMax {
		return
	}
	seen[r] = true
	f := e.table.facts[r]
	if f.flags&asserted != 0 {
		given[r] = true
		return
	}
	if f.flags&axiom != 0 {
		return
	}
	var from []row
	e.prove(r, func(m *match) {
		if from == nil {
			from = append(from, m.rows[:len(m.plan.rule.body)]...)
		}
	})
	for _, p := range from {
		e.trace(p, given, seen)
	}
}

// Why gives the given quads that an inferred quad follows from, those of one
// proof; none for a quad that is not inferred. The quad's graph is the one that
// it follows from.
func (r *Reasoner) Why(q base.Quad) []base.Quad {
	e := r.graphs[q.G]
	if e == nil || e.stopped != nil {
		return nil
	}
	t, known := e.lookup(&q)
	if !known {
		return nil
	}
	at := e.table.find(t[0], t[1], t[2])
	if at == 0 || !e.visible(&e.table.facts[at]) {
		return nil
	}
	e.start(context.Background(), 0)
	given := map[row]bool{}
	e.trace(at, given, map[row]bool{})
	var quads []base.Quad
	for g := range given {
		one := e.quad(g)
		one.G = q.G
		quads = append(quads, one)
	}
	sortQuads(quads)
	return quads
}

func sortQuads(quads []base.Quad) {
	slices.SortFunc(quads, func(a, b base.Quad) int {
		for _, p := range [3][2]base.Term{{a.S, b.S}, {a.P, b.P}, {a.O, b.O}} {
			if c := cmp.Or(cmp.Compare(p[0].Kind, p[1].Kind), strings.Compare(p[0].Value, p[1].Value), strings.Compare(p[0].Datatype, p[1].Datatype), strings.Compare(p[0].Lang, p[1].Lang)); c != 0 {
				return c
			}
		}
		return 0
	})
}
