package sparql

import (
	"math"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// What a bound place of a pattern leaves of its rows. Counts of prefixes are
// exact; how a value that is known only at run time narrows them is not, and
// these are the shapes of cluster graphs: a subject has few quads, an object
// many.
const (
	rowsOfSubject          = 30
	rowsOfSubjectPredicate = 2
	wayLength              = 10 // rows of a path from one node
)

// perRow is the estimate of a part for each row of what is bound by now, of
// which there will be so many.
func (p *planner) perRow(x *part, c place, runs float64) float64 {
	if x.triple != nil {
		if runs*costSeek > planningWorth && x.total > worthSampling {
			return p.sampledTriple(x, c)
		}
		return shrinkTriple(x.numbers, x.total, c.bound)
	}
	if path, is := x.op.(*algebra.Path); is {
		return p.shrinkPath(path, x.total, c.bound)
	}
	if !p.correlates(x.op, c.bound.Minus(c.outer)) {
		return x.total
	}
	rows := x.total
	if x.certain.Meets(c.bound) {
		if _, is := x.op.(*algebra.BGP); is {
			return min(1, rows)
		}
		rows = math.Sqrt(rows)
	}
	return rows
}

// shrinkTriple is told the numbers of the variables of a pattern.
func shrinkTriple(numbers [3]int, rows float64, bound algebra.Vars) float64 {
	var isBound, known [3]bool
	for i, n := range numbers {
		isBound[i] = n != noVariable && bound.Has(n)
		known[i] = n == noVariable || isBound[i]
	}
	if isBound[2] {
		rows = math.Sqrt(rows)
	}
	if isBound[0] {
		rows = min(rows, rowsOfSubject)
	}
	if isBound[1] {
		rows /= 2
	}
	if known[0] && known[1] && (isBound[0] || isBound[1]) {
		rows = min(rows, rowsOfSubjectPredicate)
	}
	if known[0] && known[1] && known[2] {
		rows = min(rows, 1)
	}
	return rows
}

func (p *planner) shrinkPath(path *algebra.Path, rows float64, bound algebra.Vars) float64 {
	known := 0
	for _, n := range []syntax.Node{path.S, path.O} {
		if n.IsVar() && p.names.Has(bound, n.Var) {
			known++
		}
	}
	for range known {
		rows = min(rows, max(wayLength, math.Sqrt(rows)))
	}
	return rows
}

// rows estimates the rows of an operator run alone.
func (p *planner) rows(op algebra.Op, c place) float64 {
	switch o := op.(type) {
	case *algebra.BGP:
		return p.rowsOfBGP(o, c)
	case *algebra.Path:
		return p.rowsOfPath(o, c)
	case *algebra.Table:
		return float64(len(o.Rows))
	case *algebra.Join:
		return max(p.rows(o.Left, c), p.rows(o.Right, c))
	case *algebra.Union:
		return p.rows(o.Left, c) + p.rows(o.Right, c)
	case *algebra.LeftJoin:
		return p.rows(o.Left, c)
	case *algebra.Minus:
		return p.rows(o.Left, c)
	case *algebra.Filter:
		return p.rows(o.Input, c) / 2
	case *algebra.Graph:
		c.graph = graphRef{named: true, ref: p.ref(o.Name, c.scope)}
		return p.rows(o.Input, c)
	case *algebra.Slice:
		rows := p.rows(o.Input, c)
		if o.Limit >= 0 {
			rows = min(rows, float64(o.Limit))
		}
		return rows
	}
	rows := 1.0
	for _, in := range algebra.Inputs(op) {
		rows = max(rows, p.rows(in, c))
	}
	return rows
}

// rowsOfBGP is the count of its rarest pattern.
func (p *planner) rowsOfBGP(o *algebra.BGP, c place) float64 {
	if len(o.Patterns) == 0 {
		return 1
	}
	least := math.Inf(1)
	for _, t := range o.Patterns {
		if !p.e.tick() {
			break
		}
		ids := pattern(p.ref(t.S, c.scope), p.ref(t.P, c.scope), p.ref(t.O, c.scope))
		least = min(least, float64(p.e.count(ids, p.selector(c))))
	}
	return least
}

func (p *planner) rowsOfPath(o *algebra.Path, c place) float64 {
	rows := float64(p.e.count(rdf.IDQuad{}, p.selector(c)))
	for _, n := range []syntax.Node{o.S, o.O} {
		if !n.IsVar() {
			rows = min(rows, max(wayLength, math.Sqrt(rows)))
		}
	}
	return rows
}

// selector is the graph of a place as far as it is known when planning.
func (p *planner) selector(c place) selector {
	if c.graph.named && c.graph.slot >= 0 {
		return selector{mode: anyNamed}
	}
	return c.graph.selector(p.e, nil)
}
