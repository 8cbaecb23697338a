package sparql

import (
	"github.com/picloud/picloud/runtime/rdf"
)

// worthSampling is from how many rows on a pattern's places are sampled, and
// samples how many seeks a sample has.
const (
	worthSampling = 1024
	samples       = 8
)

// sampleKey is a place of a pattern of ids: which of subject, predicate and
// object.
type sampleKey struct {
	ids   rdf.IDQuad
	place int
}

// at is a place of a quad.
func at(q *rdf.IDQuad, place int) *rdf.ID { return [...]*rdf.ID{&q.S, &q.P, &q.O}[place] }

// sampledTriple divides the rows of a pattern by the distinct values that it has
// for each variable that is bound at run time.
func (p *planner) sampledTriple(x *part, c place) float64 {
	t, total := x.triple, x.total
	ids := pattern(p.ref(t.S, c.scope), p.ref(t.P, c.scope), p.ref(t.O, c.scope))
	rows, known := total, 0
	for place, n := range x.numbers {
		switch {
		case n == noVariable:
			known++
		case c.bound.Has(n):
			known++
			rows /= max(1, p.distinct(sampleKey{ids, place}, total, p.selector(c)))
		}
	}
	if known == 3 {
		rows = min(rows, 1)
	}
	return max(rows, 1e-3)
}

// distinct estimates how many values a pattern has in a place, from the graph
// that is asked, or from one of many.
func (p *planner) distinct(k sampleKey, total float64, sel selector) float64 {
	graphs := p.e.defaults.list
	switch sel.mode {
	case noGraph:
		return 1
	case oneGraph:
		graphs = []rdf.ID{sel.id}
	case anyNamed:
		graphs = p.e.named.list
	}
	if len(graphs) == 0 {
		return 1
	}
	k.ids.G = p.fullest(k.ids, graphs)
	d, ok := p.sampled[k]
	if !ok {
		if p.sampled == nil {
			p.sampled = map[sampleKey]float64{}
		}
		d = p.sample(k)
		p.sampled[k] = d
	}
	return d * total
}

// fullest is the graph with the most matches among some.
func (p *planner) fullest(ids rdf.IDQuad, graphs []rdf.ID) rdf.ID {
	best, most := graphs[0], -1
	if len(graphs) == 1 {
		return best
	}
	for i := 0; i < len(graphs); i += 1 + len(graphs)/samples {
		ids.G = graphs[i]
		if n := p.e.snapshot.Count(ids); n > most {
			best, most = graphs[i], n
		}
	}
	return best
}

// sample is the share of distinct values among the rows of a pattern: the mean
// over some rows of one in the number of rows that have the same value.
func (p *planner) sample(k sampleKey) float64 {
	rows, sum := p.e.snapshot.Count(k.ids), 0.0
	for i := range samples {
		if !p.e.tick() || rows == 0 {
			return 1
		}
		same, q := k.ids, p.e.snapshot.Nth(k.ids, (2*i+1)*rows/(2*samples))
		*at(&same, k.place) = *at(&q, k.place)
		sum += 1 / float64(p.e.snapshot.Count(same))
	}
	return sum / samples
}
