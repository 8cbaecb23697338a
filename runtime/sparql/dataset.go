package sparql

import (
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Dataset is what a query may see: an immutable snapshot, the graphs whose
// merge is the default graph, and the graphs that GRAPH reaches. A graph in
// neither list does not exist for the query, whatever it says: every scan
// checks the lists. The zero Dataset is empty.
type Dataset struct {
	Snapshot *rdf.Snapshot
	Default  []rdf.ID
	Named    []rdf.ID
}

// narrow applies FROM and FROM NAMED (section 13.2): each can only choose among
// the graphs that the dataset has; others count as empty.
func (d Dataset) narrow(from, named []string) Dataset {
	if len(from) == 0 && len(named) == 0 {
		return d
	}
	readable := func(iris []string) []rdf.ID {
		var out []rdf.ID
		for _, iri := range iris {
			id, ok := d.Snapshot.Lookup(base.IRI(iri))
			if ok && (slices.Contains(d.Default, id) || slices.Contains(d.Named, id)) && !slices.Contains(out, id) {
				out = append(out, id)
			}
		}
		return out
	}
	return Dataset{Snapshot: d.Snapshot, Default: readable(from), Named: readable(named)}
}

// graphSet answers membership and keeps the order.
type graphSet struct {
	list []rdf.ID
	set  map[rdf.ID]struct{}
}

func newGraphSet(ids []rdf.ID) graphSet {
	s := graphSet{set: make(map[rdf.ID]struct{}, len(ids))}
	for _, id := range ids {
		if _, seen := s.set[id]; !seen {
			s.set[id] = struct{}{}
			s.list = append(s.list, id)
		}
	}
	return s
}

func (s graphSet) has(id rdf.ID) bool {
	_, ok := s.set[id]
	return ok
}

// selector says which graph a pattern is matched in.
type selector struct {
	mode selectorMode
	id   rdf.ID // of oneGraph
}

type selectorMode uint8

const (
	// defaultGraph is the merge of the default graphs.
	defaultGraph selectorMode = iota
	// oneGraph is one graph that has been found to be readable.
	oneGraph
	// anyNamed matches in every named graph and tells which.
	anyNamed
	// noGraph matches nothing.
	noGraph
)

// fewGraphs is up to how many default graphs are walked one after another;
// beyond, one walk over all graphs with a test of membership is cheaper.
const fewGraphs = 4

// source walks over the quads that match a pattern within a selection of
// graphs. In the merge of several graphs each triple comes once.
type source struct {
	e       *exec
	cursor  rdf.Cursor
	pattern rdf.IDQuad
	sel     selector
	quad    rdf.IDQuad
	// at is the graph of the walk one after another, -1 in a walk over all.
	at int
}

func (e *exec) source(pattern rdf.IDQuad, sel selector) source {
	s := source{e: e, pattern: pattern, sel: sel, at: -1}
	switch {
	case sel.mode == noGraph || e.isLocal(pattern.S) || e.isLocal(pattern.P) || e.isLocal(pattern.O):
		s.sel.mode = noGraph
		return s
	case sel.mode == oneGraph:
		s.pattern.G = sel.id
	case sel.mode == defaultGraph && len(e.defaults.list) <= fewGraphs:
		if len(e.defaults.list) == 0 {
			s.sel.mode = noGraph
			return s
		}
		s.at = 0
		s.pattern.G = e.defaults.list[0]
	}
	s.cursor = e.snapshot.Cursor(s.pattern)
	return s
}

// next moves to the next quad.
func (s *source) next() bool {
	if s.sel.mode == noGraph {
		return false
	}
	for {
		if !s.cursor.Next() {
			if !s.nextGraph() {
				return false
			}
			continue
		}
		q := s.cursor.Quad()
		if !s.e.tick() {
			return false
		}
		if s.accepts(q) {
			s.quad = q
			return true
		}
	}
}

func (s *source) nextGraph() bool {
	if s.at < 0 || s.at+1 == len(s.e.defaults.list) {
		return false
	}
	s.at++
	s.pattern.G = s.e.defaults.list[s.at]
	s.cursor = s.e.snapshot.Cursor(s.pattern)
	return true
}

// accepts checks that the quad's graph may be read here and that its triple has
// not come before: in a walk over all graphs the quads of one triple are
// neighbours, because the graph is the least significant place of the order.
func (s *source) accepts(q rdf.IDQuad) bool {
	switch {
	case s.sel.mode == oneGraph:
		return true
	case s.sel.mode == anyNamed:
		return s.e.named.has(q.G)
	case s.at < 0:
		return s.e.defaults.has(q.G) && (q.S != s.quad.S || q.P != s.quad.P || q.O != s.quad.O)
	}
	for _, earlier := range s.e.defaults.list[:s.at] {
		if s.e.snapshot.Has(rdf.IDQuad{S: q.S, P: q.P, O: q.O, G: earlier}) {
			return false
		}
	}
	return true
}

// manyGraphs is up to how many graphs an estimate adds exact counts.
const manyGraphs = 64

// count estimates how many triples match: exact but for duplicates between
// graphs. Explain adds the counts of readable graphs only, however many.
func (e *exec) count(pattern rdf.IDQuad, sel selector) int {
	if e.isLocal(pattern.S) || e.isLocal(pattern.P) || e.isLocal(pattern.O) {
		return 0
	}
	graphs := e.defaults.list
	switch sel.mode {
	case noGraph:
		return 0
	case oneGraph:
		pattern.G = sel.id
		return e.snapshot.Count(pattern)
	case anyNamed:
		graphs = e.named.list
	}
	if len(graphs) > manyGraphs && !e.explain {
		return e.snapshot.Count(pattern)
	}
	total := 0
	for _, g := range graphs {
		pattern.G = g
		total += e.snapshot.Count(pattern)
	}
	return total
}
