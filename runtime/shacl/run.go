package shacl

import (
	"cmp"
	"context"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Limits bound a validation; a zero field takes its default. Time is bounded by
// the context.
type Limits struct {
	Results int // of a report, which is then Truncated; default 1,000
	Nodes   int // value nodes and verdicts held at once, about 16 bytes each; default 4,000,000
	Depth   int // of shapes within shapes; default 200
}

// maxReport bounds the text of a report, in bytes.
const maxReport = 64 << 20

// pace is how many steps are taken between two looks at the clock.
const pace = 256

// Validate judges the nodes that the shapes target in data. The error is an
// *Error, or the cause of the context's end; an invalid graph is none.
func (s *Shapes) Validate(ctx context.Context, data Graph, limits Limits) (*Report, error) {
	limits.Results = cmp.Or(limits.Results, 1000)
	limits.Nodes = cmp.Or(limits.Nodes, 4_000_000)
	limits.Depth = cmp.Or(limits.Depth, 200)
	r := &run{
		ctx: ctx, shapes: s, data: data, graphs: data.graphs(), limits: limits,
		foreign: map[base.Term]rdf.ID{}, subclasses: map[rdf.ID]*roaring.Bitmap{}, sets: map[constraint]*roaring.Bitmap{},
		memo: map[question]bool{}, active: map[question]bool{},
	}
	r.ids = make([]rdf.ID, len(s.terms))
	for i, t := range s.terms {
		r.ids[i] = r.id(t)
	}
	out := collector{most: limits.Results}
	for _, shape := range s.all {
		if r.judge(shape, &out); r.stopped(&out) {
			break
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	report := &Report{Conforms: len(out.results) == 0, Results: out.results, Judged: r.judged, Truncated: out.full, prefixes: append(s.prefixes, data.Prefixes...)}
	r.explain(report)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return report, nil
}

// run is one validation.
type run struct {
	ctx    context.Context
	shapes *Shapes
	data   Graph
	graphs []rdf.ID
	limits Limits
	// ids are those of the shapes' terms. Terms that the data does not know
	// have ids above the snapshot's, which no quad has.
	ids     []rdf.ID
	foreign map[base.Term]rdf.ID
	strange []base.Term

	stack      []rdf.ID // value nodes
	checks     []*check // by depth, used again
	depth      int
	judged     int
	kept       int // ids in subclasses and sets
	steps      uint
	subclasses map[rdf.ID]*roaring.Bitmap
	sets       map[constraint]*roaring.Bitmap
	memo       map[question]bool
	active     map[question]bool
	err        error
}

// question is whether a node conforms to a shape.
type question struct {
	shape int
	node  rdf.ID
}

// collector gathers results up to a limit.
type collector struct {
	most    int
	results []Result
	bytes   int
	full    bool
}

func (r *run) stopped(out *collector) bool { return r.err != nil || out.full }

func (r *run) id(t base.Term) rdf.ID {
	if id, ok := r.data.Snapshot.Lookup(t); ok {
		return id
	}
	id, ok := r.foreign[t]
	if !ok {
		r.strange = append(r.strange, t)
		id = rdf.ID(r.data.Snapshot.Terms() + len(r.strange))
		r.foreign[t] = id
	}
	return id
}

func (r *run) term(id rdf.ID) base.Term {
	if n := int(id) - r.data.Snapshot.Terms(); n > 0 {
		return r.strange[n-1]
	}
	return r.data.Snapshot.Term(id)
}

// tick counts a step, and reports whether to go on.
func (r *run) tick() bool {
	if r.steps++; r.steps%pace == 0 && r.err == nil && r.ctx.Err() != nil {
		r.err = context.Cause(r.ctx)
	}
	return r.err == nil
}

// holds checks the limit on what is held, of which more is not on the stack.
func (r *run) holds(more int) {
	if held := len(r.stack) + len(r.memo) + r.kept + more; held > r.limits.Nodes && r.err == nil {
		r.err = &Error{CodeMemory, fmt.Sprintf("the validation holds %d nodes, and may hold %d; shorten the paths of the shapes or split the data", held, r.limits.Nodes)}
	}
}

func (r *run) push(ids ...rdf.ID) {
	r.stack = append(r.stack, ids...)
	r.holds(0)
}

// each visits the quads of a pattern in the data.
func (r *run) each(p rdf.IDQuad, visit func(rdf.IDQuad) bool) {
	for _, p.G = range r.graphs {
		for c := r.data.Snapshot.Cursor(p); c.Next(); {
			if !r.tick() || !visit(c.Quad()) {
				return
			}
		}
	}
}

// has reports whether a triple is in the data.
func (r *run) has(s, p, o rdf.ID) (found bool) {
	r.each(rdf.IDQuad{S: s, P: p, O: o}, func(rdf.IDQuad) bool {
		found = true
		return false
	})
	return found
}

// judge validates the nodes that a shape targets.
func (r *run) judge(s *shape, out *collector) {
	if s.deactivated || len(s.targets) == 0 {
		return
	}
	focus := roaring.New()
	for _, t := range s.targets {
		r.target(t, focus)
	}
	r.holds(int(focus.GetCardinality()))
	for it := focus.Iterator(); it.HasNext() && !r.stopped(out); {
		r.judged++
		r.eval(s, rdf.ID(it.Next()), out)
	}
}

// target adds the focus nodes of one target (section 2.1.3).
func (r *run) target(t target, focus *roaring.Bitmap) {
	id := r.ids[t.term]
	switch t.kind {
	case targetNode:
		focus.Add(uint32(id))
	case targetClass:
		for it := r.classes(id).Iterator(); it.HasNext(); {
			r.each(rdf.IDQuad{P: r.ids[r.shapes.rdfType], O: rdf.ID(it.Next())}, func(q rdf.IDQuad) bool {
				focus.Add(uint32(q.S))
				return true
			})
		}
	case targetSubjectsOf, targetObjectsOf:
		r.each(rdf.IDQuad{P: id}, func(q rdf.IDQuad) bool {
			if t.kind == targetSubjectsOf {
				focus.Add(uint32(q.S))
			} else {
				focus.Add(uint32(q.O))
			}
			return true
		})
	}
}

// classes are a class and its sub-classes.
func (r *run) classes(class rdf.ID) *roaring.Bitmap {
	if set := r.subclasses[class]; set != nil {
		return set
	}
	set := roaring.BitmapOf(uint32(class))
	mark := len(r.stack)
	for _, id := range r.walk(r.shapes.below, []rdf.ID{class}, true) {
		set.Add(uint32(id))
	}
	r.stack = r.stack[:mark]
	r.kept += int(set.GetCardinality())
	r.holds(0)
	r.subclasses[class] = set
	return set
}

// isA reports whether a node is a SHACL instance of a class (section 1.1).
func (r *run) isA(node, class rdf.ID) (found bool) {
	classes := r.classes(class)
	r.each(rdf.IDQuad{S: node, P: r.ids[r.shapes.rdfType]}, func(q rdf.IDQuad) bool {
		found = classes.Contains(uint32(q.O))
		return !found
	})
	return found
}

// conforms asks whether a node conforms to a shape, and remembers what shapes
// that ask other shapes answer, so that no question is answered twice.
func (r *run) conforms(s *shape, node rdf.ID) bool {
	if !s.composite {
		return r.eval(s, node, nil)
	}
	q := question{s.index, node}
	verdict, known := r.memo[q]
	if !known {
		if verdict = r.eval(s, node, nil); r.err == nil {
			r.memo[q] = verdict
			r.holds(0)
		}
	}
	return verdict
}

// eval validates one node against one shape. Without a collector it stops at
// the first result.
func (r *run) eval(s *shape, focus rdf.ID, out *collector) bool {
	if s.deactivated || !r.enter(s, focus) {
		return true
	}
	mark := len(r.stack)
	c := r.check()
	*c = check{run: r, shape: s, focus: focus, out: out, one: [1]rdf.ID{focus}}
	if s.path == nil {
		c.values = c.one[:]
	} else {
		c.values = r.walk(s.path, c.one[:], false)
	}
	for _, k := range s.constraints {
		if k.check(c); r.err != nil || c.failed && out == nil || out != nil && out.full {
			break
		}
	}
	r.stack = r.stack[:mark]
	r.leave(s, focus)
	return !c.failed
}

// check is a place to work at this depth.
func (r *run) check() *check {
	if len(r.checks) < r.depth {
		r.checks = append(r.checks, new(check))
	}
	return r.checks[r.depth-1]
}

func (r *run) enter(s *shape, focus rdf.ID) bool {
	if !r.tick() {
		return false
	}
	if r.depth == r.limits.Depth {
		r.err = &Error{CodeDepth, fmt.Sprintf("shapes lead to shapes more than %d deep, at %s; make them flatter", r.limits.Depth, r.shapes.name(s))}
		return false
	}
	if s.recursive {
		q := question{s.index, focus}
		if r.active[q] {
			r.err = &Error{CodeRecursion, fmt.Sprintf("whether %s conforms to %s depends on itself, which SHACL does not define (section 3.4.3); leave the circle out of the shapes or of the data",
				show(r.term(focus), nil), r.shapes.name(s))}
			return false
		}
		r.active[q] = true
	}
	r.depth++
	return true
}

func (r *run) leave(s *shape, focus rdf.ID) {
	r.depth--
	if s.recursive {
		delete(r.active, question{s.index, focus})
	}
}

// check is the work on one focus node and shape.
type check struct {
	*run
	shape  *shape
	focus  rdf.ID
	one    [1]rdf.ID
	values []rdf.ID
	out    *collector
	failed bool
	reason *shape // that a value does not conform to, if it is one
}

// fail notes a result, and reports whether there is a use for more. A value of
// rdf.Any means that the result has none.
func (c *check) fail(k constraint, value rdf.ID) bool { return c.failAt(k, value, rdf.Any, "") }

// failAt is fail with a path of its own, and with what the sentence needs to
// know beyond the value.
func (c *check) failAt(k constraint, value, at rdf.ID, note string) bool {
	c.failed = true
	if c.out == nil || c.out.full {
		return false
	}
	if len(c.out.results) == c.out.most || c.out.bytes > maxReport {
		c.out.full = true
		return false
	}
	result := Result{
		Focus: c.term(c.focus), Component: sh + k.component() + "ConstraintComponent",
		Source: c.shape.node, Severity: c.shape.severity, path: c.shape.path, shape: c.shape, constraint: k, note: note, count: len(c.values),
	}
	if value != rdf.Any {
		result.Value = c.term(value)
	}
	if at != rdf.Any {
		result.path = &path{iri: c.term(at).Value}
	}
	c.out.bytes += len(result.Focus.Value) + len(result.Value.Value)
	c.out.results = append(c.out.results, result)
	return true
}
