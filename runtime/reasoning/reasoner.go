package reasoning

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Profile is a set of rules.
type Profile uint8

// The profiles.
const (
	// None infers nothing.
	None Profile = iota
	// RDFS is RDF 1.1 Semantics, section 9, without what is true of everything.
	RDFS
	// OWLRL is OWL 2 RL/RDF (OWL 2 Profiles, section 4.3).
	OWLRL
	// Platform is for graphs whose schema is in Config.Axioms only: classes and
	// properties below others, transitive, symmetric and inverse properties.
	// Quads that no axiom is about cost a look at their predicate, and nothing
	// is kept of them.
	Platform
)

func (p Profile) String() string {
	return [...]string{"none", "rdfs", "owl-rl", "platform"}[p]
}

// ParseProfile reads what the field inference of an rdf-store says; "" is none.
func ParseProfile(s string) (Profile, error) {
	switch s {
	case "", "none":
		return None, nil
	case "rdfs":
		return RDFS, nil
	case "owl-rl":
		return OWLRL, nil
	}
	return None, fmt.Errorf("%q is no inference; there are none, rdfs and owl-rl", s)
}

// Limits bound the work and the memory of one graph. Zero takes the default.
// The first two depend on nothing but the quads that are given, so that all
// nodes agree on what exceeds them, whatever way led there.
type Limits struct {
	// Facts is how many quads there may be, given, inferred and auxiliary
	// together (2 million; some 70 bytes each, 100 while the table grows: 200 MB).
	Facts int
	// Derivations is how many ways the inferred quads may follow, together
	// (20 million, some 2 s).
	Derivations int
	// Time of one change (5 min): the last resort, which an ordinary machine does not reach before the others.
	Time time.Duration
}

const noLimit = math.MaxInt

func (l Limits) withDefaults() Limits {
	if l.Facts == 0 {
		l.Facts = 2_000_000
	}
	if l.Derivations == 0 {
		l.Derivations = 20_000_000
	}
	if l.Time == 0 {
		l.Time = 5 * time.Minute
	}
	l.Facts = min(l.Facts, maxID/5) // with the margin, and a fact brings four terms at most
	return l
}

// margin is how many facts beyond the limit are inferred before it counts as
// exceeded, so that facts that matter little may leave without another try.
func (l Limits) margin() int { return l.Facts / 16 }

// Exceeded says that a limit was exceeded, so that a graph shows no inferred
// quads at all.
type Exceeded struct {
	What  string // "quads", "derivations" or "time"
	Limit int
	Unit  string
}

func (x *Exceeded) Error() string {
	return fmt.Sprintf("nothing is inferred, because it would take more than %d %s; use a smaller profile, fewer axioms, or split the data into several stores", x.Limit, x.Unit)
}

// Config of a Reasoner.
type Config struct {
	Profile Profile
	// Axioms are believed in every graph and shown in none; neither is what
	// follows from them alone.
	Axioms []base.Quad
	// Authority refuses axioms about terms of others; nil believes all.
	Authority Authority
	// Inferred names the graph for what follows from a graph. By default it is
	// the graph's IRI with "/inferred" behind it.
	Inferred func(graph base.Term) base.Term
	// Skip names graphs that have nothing to do with reasoning; nil is none.
	Skip func(graph base.Term) bool
	// Trivial adds what is true of everything, such as that it is a resource,
	// for tests of entailment.
	Trivial bool
	Limits  Limits
}

// InferredGraph gives the names of inferred graphs where the default graph has
// an IRI of its own.
func InferredGraph(defaultGraph string) func(base.Term) base.Term {
	return func(graph base.Term) base.Term {
		if graph.Kind == base.NoTerm {
			graph.Value = defaultGraph
		}
		return base.IRI(graph.Value + "/inferred")
	}
}

// Reasoner infers what follows from the graphs of one dataset, each by itself.
// A graph whose name is a blank node has no place for what follows and is left
// out.
// It is used by one goroutine at a time.
type Reasoner struct {
	cfg     Config
	program *program
	graphs  map[base.Term]*engine
	order   []base.Term         // of graphs, as they came
	stopped map[base.Term]error // graphs that show nothing inferred at present
	probe   *engine             // Platform: knows the axioms and holds no graph
}

// New makes a reasoner over graphs that are empty.
func New(cfg Config) *Reasoner {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Inferred == nil {
		cfg.Inferred = InferredGraph("")
	}
	r := &Reasoner{cfg: cfg, graphs: map[base.Term]*engine{}, stopped: map[base.Term]error{}}
	if cfg.Profile == None {
		return r
	}
	r.program = programOf(cfg.Profile, cfg.Trivial)
	if cfg.Trivial {
		r.cfg.Axioms = append(axiomaticTriples(cfg.Profile), cfg.Axioms...)
	}
	if cfg.Profile == Platform {
		r.probe = r.engine()
	}
	return r
}

func programOf(p Profile, trivial bool) *program {
	switch {
	case p == RDFS && trivial:
		return compile(rdfsRules, rdfsTrivial, literalRules)
	case p == RDFS:
		return compile(rdfsRules, literalRules)
	case p == OWLRL && trivial:
		return compile(owlRules, owlTrivial, falseRules, literalRules[:1])
	case p == OWLRL:
		return compile(owlRules, falseRules, literalRules[:1])
	}
	return compile(platformRules)
}

// engine makes one for a new graph.
func (r *Reasoner) engine() *engine {
	var foreign func(string) bool
	if a := r.cfg.Authority; a != nil {
		foreign = func(iri string) bool { return a.owner(iri) != "" }
	}
	e := newEngine(r.program, foreign, r.cfg.Limits, r.cfg.Trivial)
	if err := e.begin(r.cfg.Axioms); err != nil {
		e.stopped = err
	}
	return e
}

// of finds the engine of a graph, and makes it if need be.
func (r *Reasoner) of(graph base.Term) *engine {
	e := r.graphs[graph]
	if e == nil {
		e = r.engine()
		r.graphs[graph] = e
		r.order = append(r.order, graph)
	}
	return e
}

// Delta is how the inferred quads changed. The two are disjoint; what comes was
// not there before, and what goes was.
type Delta struct{ Removed, Added []base.Quad }

// Apply takes in a change of the given quads and tells how that changes the
// inferred ones, in their own graphs. A quad that is both given and inferred
// is not among the inferred ones.
//
// The error says that a graph shows nothing inferred at present: a limit was
// exceeded (*Exceeded), or ctx ended in between. The change is taken in
// nevertheless, the Delta is right and has to be applied, and a later change
// infers again when it can.
func (r *Reasoner) Apply(ctx context.Context, removed, added []base.Quad) (Delta, error) {
	if r.cfg.Profile == None {
		return Delta{}, nil
	}
	var all Delta
	for _, part := range r.split(removed, added) {
		d, err := r.of(part.graph).change(ctx, r.cfg.Axioms, part.removed, part.added)
		r.note(part.graph, err)
		graph := r.cfg.Inferred(part.graph)
		for _, quads := range [2][]base.Quad{d.Removed, d.Added} {
			for i := range quads {
				quads[i].G = graph
			}
		}
		all.Removed, all.Added = append(all.Removed, d.Removed...), append(all.Added, d.Added...)
		r.forget(part.graph)
	}
	return all, r.unfinished()
}

func (r *Reasoner) note(graph base.Term, err error) {
	if err == nil {
		delete(r.stopped, graph)
		return
	}
	r.stopped[graph] = err
}

// unfinished is why some graph shows nothing inferred, also when a change was
// about others only.
func (r *Reasoner) unfinished() error {
	for _, err := range r.stopped {
		return err
	}
	return nil
}

// forget drops the engine of a graph that has become empty.
func (r *Reasoner) forget(graph base.Term) {
	if r.graphs[graph].given > 0 {
		return
	}
	delete(r.graphs, graph)
	delete(r.stopped, graph)
	for i, g := range r.order {
		if g == graph {
			r.order = append(r.order[:i], r.order[i+1:]...)
			return
		}
	}
}

// part is what of a change lies in one graph.
type part struct {
	graph          base.Term
	removed, added []base.Quad
}

// split sorts a change by graph. A change of one graph, which is the rule, is
// not copied.
func (r *Reasoner) split(removed, added []base.Quad) []part {
	if r.probe == nil {
		if g, one := oneGraph(removed, added); one && !r.skips(g) {
			return []part{{g, removed, added}}
		}
	}
	var parts []part
	at := map[base.Term]int{}
	for i, quads := range [2][]base.Quad{removed, added} {
		for j := range quads {
			q := &quads[j]
			if r.probe != nil && !r.probe.concerns(q) || r.skips(q.G) {
				continue
			}
			n, ok := at[q.G]
			if !ok {
				n = len(parts)
				at[q.G] = n
				parts = append(parts, part{graph: q.G})
			}
			if i == 0 {
				parts[n].removed = append(parts[n].removed, *q)
			} else {
				parts[n].added = append(parts[n].added, *q)
			}
		}
	}
	return parts
}

// skips tells whether nothing is inferred from a graph.
func (r *Reasoner) skips(graph base.Term) bool {
	return graph.Kind == base.BlankTerm || r.cfg.Skip != nil && r.cfg.Skip(graph)
}

func oneGraph(removed, added []base.Quad) (g base.Term, one bool) {
	if len(removed)+len(added) == 0 {
		return g, false
	}
	if len(removed) > 0 {
		g = removed[0].G
	} else {
		g = added[0].G
	}
	for _, quads := range [2][]base.Quad{removed, added} {
		for i := range quads {
			if quads[i].G != g {
				return g, false
			}
		}
	}
	return g, true
}

// concerns tells whether some axiom is about a quad: whether it names its
// property, or its class. What could be inferred and is given counts too.
func (e *engine) concerns(q *base.Quad) bool {
	p := e.terms.find(q.P)
	if p == e.program.known.rdfType {
		p = e.terms.find(q.O)
	}
	return int(p) > e.terms.names
}

// concerned are the quads of a graph that some axiom is about.
func (e *engine) concerned(s *rdf.Snapshot, g rdf.ID) (quads []base.Quad) {
	for i := 1; i < len(e.terms.list); i++ {
		p, known := s.Lookup(e.terms.list[i])
		if !known || s.Count(rdf.IDQuad{P: p, G: g}) == 0 {
			continue
		}
		for q := range s.Quads(rdf.IDQuad{P: p, G: g}) {
			if e.concerns(&q) {
				quads = append(quads, q)
			}
		}
	}
	return quads
}

// Load takes in all graphs of a snapshot, on top of what is there. It is Apply
// for a start: All tells the result. Terms are read once each. When it fails
// because ctx ended, the reasoner has not seen everything and is of no more use.
func (r *Reasoner) Load(ctx context.Context, s *rdf.Snapshot) error {
	if r.cfg.Profile == None {
		return nil
	}
	for g := range s.Graphs() {
		switch graph := s.Term(g); {
		case r.skips(graph):
		case r.probe != nil:
			_, _ = r.Apply(ctx, nil, r.probe.concerned(s, g)) // nothing was shown, and All tells what is; so does unfinished
		default:
			r.note(graph, r.of(graph).load(ctx, r.cfg.Axioms, s, g))
		}
	}
	return r.unfinished()
}

// All yields all inferred quads.
func (r *Reasoner) All() iter.Seq[base.Quad] {
	return func(yield func(base.Quad) bool) {
		for _, graph := range r.order {
			e, g := r.graphs[graph], r.cfg.Inferred(graph)
			for i := range e.inferred() {
				q := e.quad(i)
				q.G = g
				if !yield(q) {
					return
				}
			}
		}
	}
}

// State is how the reasoning about a graph stands.
type State struct {
	Graph       base.Term
	Given       int   // quads that are believed
	Inferred    int   // quads that are shown
	Facts       int   // all that is kept, auxiliary facts included
	Derivations int   // ways in which the facts follow
	Bytes       int   // of memory, about, without the texts of terms
	Stopped     error // why nothing is inferred at present, or nil
}

// States of all graphs, in the order in which they came.
func (r *Reasoner) States() []State {
	states := make([]State, 0, len(r.order))
	for _, graph := range r.order {
		e := r.graphs[graph]
		s := State{Graph: graph, Given: e.given, Facts: e.table.live, Derivations: e.table.instances, Bytes: e.table.bytes() + e.terms.bytes(), Stopped: e.stopped}
		for range e.inferred() {
			s.Inferred++
		}
		states = append(states, s)
	}
	return states
}
