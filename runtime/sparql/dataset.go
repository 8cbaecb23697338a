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
	// table has open addressing; its size is a power of two, at least twice that
	// of the list.
	table []rdf.ID
}

func newGraphSet(ids []rdf.ID) graphSet {
	size := 2
	for size < 2*len(ids) {
		size *= 2
	}
	s := graphSet{list: make([]rdf.ID, 0, len(ids)), table: make([]rdf.ID, size)}
	for _, id := range ids {
		if at := s.find(id); s.table[at] == 0 {
			s.table[at] = id
			s.list = append(s.list, id)
		}
	}
	return s
}

// find is the place of an id, or the free one where it would be.
func (s *graphSet) find(id rdf.ID) int {
	mask := len(s.table) - 1
	at := int(uint32(id)*0x9E3779B1>>7) & mask
	for s.table[at] != 0 && s.table[at] != id {
		at = (at + 1) & mask
	}
	return at
}

func (s *graphSet) has(id rdf.ID) bool { return id != 0 && s.table[s.find(id)] == id }

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
// beyond, the walk is over all graphs with a test of membership.
const fewGraphs = 4

// A walk over all graphs is given up for walks through the readable ones, one
// after another, once it has passed over so many quads for each of these, and
// over most: it has then cost about what the seeks will cost.
const (
	missedPerGraph = 16
	missedPerHit   = 4
)

// source walks over the quads that match a pattern within a selection of
// graphs. In the merge of several graphs each triple comes once.
type source struct {
	e       *exec
	cursor  rdf.Cursor
	pattern rdf.IDQuad
	sel     selector
	quad    rdf.IDQuad
	// single tells that one graph is walked, and all that is there matches.
	single bool
	// graphs are those of the walk one after another, which is at number at, or
	// of the walk over all, with at -1.
	graphs      *graphSet
	at          int
	hit, missed int
	// behind is where the walk over all was given up, and seen are the triples
	// that came since.
	behind rdf.IDQuad
	seen   *rowTable
}

func (e *exec) source(pattern rdf.IDQuad, sel selector) source {
	s := source{e: e, pattern: pattern, sel: sel, at: -1}
	switch {
	case sel.mode == noGraph || e.isLocal(pattern.S) || e.isLocal(pattern.P) || e.isLocal(pattern.O):
		s.sel.mode = noGraph
		return s
	case sel.mode == oneGraph:
		s.pattern.G, s.single = sel.id, true
	case sel.mode == defaultGraph && len(e.defaults.list) == 1:
		s.pattern.G, s.single = e.defaults.list[0], true
	case sel.mode == anyNamed:
		s.graphs = &e.named
	case len(e.defaults.list) == 0:
		s.sel.mode = noGraph
		return s
	default:
		s.graphs = &e.defaults
		if len(e.defaults.list) <= fewGraphs {
			s.at = 0
			s.pattern.G = e.defaults.list[0]
		}
	}
	s.cursor = e.snapshot.Cursor(s.pattern)
	return s
}

// next moves to the next quad.
func (s *source) next() bool {
	if s.sel.mode == noGraph {
		return false
	}
	if s.single {
		if !s.cursor.Next() || !s.e.tick() {
			s.sel.mode = noGraph
			return false
		}
		s.quad = s.cursor.Quad()
		return true
	}
	for {
		if !s.cursor.Next() {
			if s.at < 0 || !s.nextGraph() {
				s.close()
				s.sel.mode = noGraph
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
			s.hit++
			return true
		}
		if s.missed++; s.graphs != nil && s.at < 0 && s.missed > s.patience() && s.missed > missedPerHit*s.hit {
			s.divide(q)
		}
	}
}

func (s *source) patience() int {
	if s.e.tune.divide {
		return 0
	}
	return missedPerGraph * len(s.graphs.list)
}

// divide goes on graph by graph behind a quad of the walk over all.
func (s *source) divide(last rdf.IDQuad) {
	s.behind = last
	if s.sel.mode == defaultGraph {
		s.seen = newRowTable(s.e, 3, 3)
		if s.hit > 0 {
			s.fresh(s.quad)
		}
	}
	s.nextGraph()
}

// nextGraph begins the walk through the next graph.
func (s *source) nextGraph() bool {
	if s.at+1 == len(s.graphs.list) {
		return false
	}
	s.at++
	s.pattern.G = s.graphs.list[s.at]
	s.cursor = s.e.snapshot.Cursor(s.pattern)
	if s.behind.S != 0 {
		// The store orders the matches in all graphs and those in one alike.
		from := s.behind
		from.G = s.pattern.G
		s.cursor.Seek(from)
	}
	return true
}

// accepts checks that the quad's graph may be read here and that its triple has
// not come before: in a walk over all graphs the quads of one triple are
// neighbours, because the graph is the least significant place of the order.
func (s *source) accepts(q rdf.IDQuad) bool {
	switch {
	case s.sel.mode == anyNamed && s.at >= 0:
		return !sameTriple(q, s.behind) || q.G > s.behind.G
	case s.sel.mode == anyNamed:
		return s.e.named.has(q.G)
	case s.at < 0:
		return !sameTriple(q, s.quad) && s.e.defaults.has(q.G)
	case s.seen != nil:
		return s.fresh(q)
	}
	for _, earlier := range s.graphs.list[:s.at] {
		if s.e.snapshot.Has(rdf.IDQuad{S: q.S, P: q.P, O: q.O, G: earlier}) {
			return false
		}
	}
	return true
}

// fresh keeps a triple and reports whether it has not come before.
func (s *source) fresh(q rdf.IDQuad) bool {
	_, fresh := s.seen.insert(row{q.S, q.P, q.O})
	return fresh
}

// close gives back what the walk keeps. The end of the walk does so too.
func (s *source) close() {
	if s.seen != nil {
		s.seen.free()
		s.seen = nil
	}
}

func sameTriple(a, b rdf.IDQuad) bool { return a.S == b.S && a.P == b.P && a.O == b.O }

// sampledGraphs is of how many graphs at most an estimate adds the counts; it
// takes those as a sample of the others.
const sampledGraphs = 24

// count estimates how many triples match: exact but for duplicates between
// graphs, and for patterns that name nothing but a predicate in many graphs.
// Only readable graphs count, so that no plan tells of others; how the exact
// count is found makes no difference to it.
func (e *exec) count(pattern rdf.IDQuad, sel selector) int {
	if e.isLocal(pattern.S) || e.isLocal(pattern.P) || e.isLocal(pattern.O) {
		return 0
	}
	graphs := &e.defaults
	switch sel.mode {
	case noGraph:
		return 0
	case oneGraph:
		pattern.G = sel.id
		return e.snapshot.Count(pattern)
	case anyNamed:
		graphs = &e.named
	}
	stride := 1
	if len(graphs.list) > sampledGraphs {
		switch {
		case pattern.S == 0 && pattern.O == 0:
			stride = len(graphs.list) / sampledGraphs
		case e.snapshot.Count(pattern) < missedPerGraph*len(graphs.list):
			return e.countAmong(pattern, graphs)
		}
	}
	total, counted := 0, 0
	for i := 0; i < len(graphs.list); i += stride {
		pattern.G = graphs.list[i]
		total += e.snapshot.Count(pattern)
		counted++
		e.tick()
	}
	return total * len(graphs.list) / max(1, counted)
}

// countAmong counts by walking over the matches in all graphs.
func (e *exec) countAmong(pattern rdf.IDQuad, graphs *graphSet) int {
	total := 0
	for c := e.snapshot.Cursor(pattern); c.Next() && e.tick(); {
		if graphs.has(c.Quad().G) {
			total++
		}
	}
	return total
}
