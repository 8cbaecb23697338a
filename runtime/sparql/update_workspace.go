package sparql

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// quadCost is roughly what a quad costs in a set of quads.
const quadCost = 64

// workspace is the dataset as the operations so far left it. Their quads wait in
// a list until an operation looks at the whole: an update that only adds and
// removes data touches no tree.
type workspace struct {
	budget
	data UpdateDataset

	fork    *rdf.Fork
	current *rdf.Snapshot       // of the fork
	waiting map[rdf.IDQuad]bool // against the fork: true comes, false goes
	net     map[rdf.IDQuad]bool // against the snapshot at the beginning
	derived map[rdf.ID]bool     // what isDerived found out
	label   string              // how labels of new blank nodes begin
	given   int                 // such labels
}

func newWorkspace(ctx context.Context, d UpdateDataset, l Limits) *workspace {
	w := &workspace{budget: budget{ctx: ctx, limits: l, steps: checkEvery}, data: d, fork: d.Snapshot.Fork(), current: d.Snapshot,
		waiting: map[rdf.IDQuad]bool{}, net: map[rdf.IDQuad]bool{}, derived: map[rdf.ID]bool{}}
	return w
}

// isDerived reports a graph that may not be written.
func (w *workspace) isDerived(g rdf.ID) bool {
	if w.data.Derived == nil || g == rdf.DefaultGraph {
		return false
	}
	is, known := w.derived[g]
	if !known {
		is = w.data.Derived(w.fork.Term(g))
		w.derived[g] = is
	}
	return is
}

// set makes a quad be there or not.
func (w *workspace) set(q rdf.IDQuad, there bool) {
	is, waits := w.waiting[q]
	if !waits {
		is = w.fork.Has(q)
	}
	if is == there || !w.tick() {
		return
	}
	if waits {
		delete(w.waiting, q)
	} else {
		w.waiting[q] = there
	}
	if _, undone := w.net[q]; undone {
		delete(w.net, q)
		w.release(2 * quadCost)
		return
	}
	w.net[q] = there
	if len(w.net) > w.limits.MaxRows {
		w.fail(errorf(CodeOverBudget, "the update changes more than %d quads, so nothing of it was done; %s", w.limits.MaxRows, fewer))
	}
	w.charge(2 * quadCost)
}

// snapshot is the dataset as it is now.
func (w *workspace) snapshot() *rdf.Snapshot {
	if len(w.waiting) == 0 {
		return w.current
	}
	for q, comes := range w.waiting {
		if !w.tick() {
			break
		}
		if comes {
			w.fork.Insert(q)
		} else {
			w.fork.Remove(q)
		}
	}
	clear(w.waiting)
	w.current = w.fork.Snapshot()
	return w.current
}

// changeCost is what a quad costs in a change.
const changeCost = 224

// change is what all operations came to.
func (w *workspace) change() (Change, error) {
	coming := 0
	for _, comes := range w.net {
		if comes {
			coming++
		}
	}
	if !w.charge(changeCost * len(w.net)) {
		return Change{}, w.err
	}
	var c Change
	c.Added = slices.Grow(c.Added, coming)
	c.Removed = slices.Grow(c.Removed, len(w.net)-coming)
	for q, comes := range w.net {
		if !w.tick() {
			break
		}
		quad := base.Quad{S: w.fork.Term(q.S), P: w.fork.Term(q.P), O: w.fork.Term(q.O), G: w.fork.Term(q.G)}
		if comes {
			c.Added = append(c.Added, quad)
		} else {
			c.Removed = append(c.Removed, quad)
		}
	}
	w.sort(c.Removed)
	w.sort(c.Added)
	if w.check(); w.err != nil {
		return Change{}, w.err
	}
	return c, nil
}

// sort sorts canonically. Once the update must end, all quads are alike and it is
// soon over.
func (w *workspace) sort(quads []base.Quad) {
	slices.SortFunc(quads, func(a, b base.Quad) int {
		if !w.tick() {
			return 0
		}
		return compareQuads(a, b)
	})
}

// dataset is what the pattern of an operation is matched against (section
// 3.1.3): the graphs of USING, else the store with the graph of WITH as the
// default graph.
func (w *workspace) dataset(o *syntax.Modify) Dataset {
	s := w.snapshot()
	d := Dataset{Snapshot: s}
	if len(o.Using) > 0 || len(o.UsingNamed) > 0 {
		d.Default, d.Named = lookupGraphs(s, o.Using), lookupGraphs(s, o.UsingNamed)
		return d
	}
	if o.With != "" {
		d.Default = lookupGraphs(s, []string{o.With})
	} else {
		d.Default = append([]rdf.ID{rdf.DefaultGraph}, lookupGraphs(s, w.data.Merged)...)
	}
	d.Named = w.graphs(syntax.TargetNamed)
	return d
}

func lookupGraphs(s *rdf.Snapshot, iris []string) []rdf.ID {
	var ids []rdf.ID
	for _, iri := range iris {
		if id, ok := s.Lookup(base.IRI(iri)); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// graphs are those that have quads: all, the default graph or the named ones.
func (w *workspace) graphs(kind syntax.TargetKind) []rdf.ID {
	if kind == syntax.TargetDefault {
		return []rdf.ID{rdf.DefaultGraph}
	}
	var ids []rdf.ID
	for g := range w.snapshot().Graphs() {
		if kind == syntax.TargetAll || g != rdf.DefaultGraph {
			ids = append(ids, g)
		}
	}
	return ids
}

// blanks gives each label of a text, or of a solution, a new blank node of its
// own; other terms stay. Labels are random: nobody can have given one before.
func (w *workspace) blanks() func(base.Term) base.Term {
	var made map[string]base.Term
	return func(t base.Term) base.Term {
		if t.Kind != base.BlankTerm {
			return t
		}
		node, ok := made[t.Value]
		if !ok {
			if made == nil {
				made = map[string]base.Term{}
			}
			node = w.blank()
			made[t.Value] = node
		}
		return node
	}
}

func (w *workspace) blank() base.Term {
	if w.label == "" {
		var b [12]byte
		rand.Read(b[:])
		w.label = "u" + hex.EncodeToString(b[:]) + "x"
	}
	w.given++
	return base.Blank(w.label + strconv.Itoa(w.given))
}

// intern gives a term its id, and charges what is new.
func (w *workspace) intern(t base.Term) rdf.ID {
	if id, ok := w.fork.Lookup(t); ok {
		return id
	}
	w.charge(termCost(t))
	return w.fork.Intern(t)
}

// remaining is what is left of the limits for the pattern of an operation.
func (w *workspace) remaining() Limits {
	l := w.limits
	l.MaxMemoryBytes = max(1, l.MaxMemoryBytes-w.memory)
	return l
}

// failure is why the update must end, or nil.
func (w *workspace) failure() error {
	if w.err == nil {
		return nil
	}
	return w.err
}
