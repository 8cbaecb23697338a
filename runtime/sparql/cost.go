package sparql

import (
	"slices"

	"github.com/picloud/picloud/runtime/sparql/algebra"
)

// What steps cost, in nanoseconds; measured on a million triples, where only the
// ratios matter.
const (
	costSeek  = 300 // the first row of a scan
	costRow   = 30  // a further row
	costKeep  = 150 // a row put into a hash table
	costProbe = 60  // a row looked up there
)

// keptBytes is about what a row of a hash table takes.
const keptBytes = 32

// tuning lets tests take each of the ways that costs choose between. The zero
// value lets costs choose.
type tuning struct {
	join joinChoice
	// divide gives up walks over all graphs at the first quad that is no match.
	divide bool
}

// joinChoice is a way to join where several are right.
type joinChoice uint8

const (
	byCost joinChoice = iota
	alwaysLoop
	alwaysHash
)

// kept reports that the right side of a join should run once and be kept in a
// hash table, rather than run for each row of the left. Both must be right.
func (p *planner) kept(right algebra.Op, key algebra.Vars, c place, rows float64) bool {
	if key.Empty() || !c.outer.Empty() || c.graph.named && c.graph.slot >= 0 || p.e.tune.join == alwaysLoop {
		return false
	}
	if p.e.tune.join == alwaysHash {
		return true
	}
	rows *= c.runs
	if c.first > 0 {
		rows = min(rows, 10*c.first)
	}
	if rows*costSeek < costKeep {
		return false
	}
	patterns := float64(size(right))
	loop := rows * patterns * (costSeek + rowsOfSubjectPredicate*costRow)
	if loop < planningWorth || closes(right) {
		return false
	}
	alone := p.alone(right, c)
	once := costSeek + alone*(costRow+costKeep+(patterns-1)*(costSeek+costRow))
	return once+rows*costProbe < loop && alone*keptBytes < float64(p.e.limits.MaxMemoryBytes)/4
}

// planningWorth is the cost from which on it is worth to look closer.
const planningWorth = 50_000

// closes reports a path of any length between two variables: alone it gives the
// closure of the graph, of which nobody knows the size.
func closes(op algebra.Op) bool {
	if path, is := op.(*algebra.Path); is && path.S.IsVar() && path.O.IsVar() {
		return hasRepeat(path.Path)
	}
	return slices.ContainsFunc(algebra.Inputs(op), closes)
}

// alone estimates the rows of an operator that runs by itself, and rather too
// many: a product that was taken for few rows must not be kept.
func (p *planner) alone(op algebra.Op, c place) float64 {
	c.bound, c.runs, c.first = algebra.Vars{}, 1, 0
	switch o := op.(type) {
	case *algebra.LeftJoin:
		return max(p.alone(o.Left, c), p.alone(&algebra.Join{Left: o.Left, Right: o.Right}, c))
	case *algebra.Union:
		return p.alone(o.Left, c) + p.alone(o.Right, c)
	case *algebra.BGP, *algebra.Join, *algebra.Filter:
		parts, _ := p.flatten(op, nil, nil)
		j := &joining{planner: p, start: c, card: 1}
		for first := true; len(parts) > 0 && p.e.tick(); first = false {
			at, rows := j.cheapest(parts, c)
			if !first {
				rows = max(1, rows)
			}
			j.card *= rows
			c.bound = c.bound.Union(parts[at].possible)
			parts = append(parts[:at:at], parts[at+1:]...)
		}
		return j.card
	}
	return p.rows(op, c)
}

// size is the number of patterns of an operator.
func size(op algebra.Op) int {
	n := 0
	switch o := op.(type) {
	case *algebra.BGP:
		n = len(o.Patterns)
	case *algebra.Path:
		n = 4
	}
	for _, in := range algebra.Inputs(op) {
		n += size(in)
	}
	return max(1, n)
}
