package sparql

import (
	"iter"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Result is the answer of a query. Its rows or quads are computed while they
// are read, once, by one goroutine. Reading to the end, breaking off and Close
// each end the execution; Close also gives its memory back to the meter.
type Result struct {
	Form Form
	// Boolean is the answer of ASK.
	Boolean bool
	// Vars are the columns of SELECT.
	Vars []string

	exec    *exec
	planner *planner
	scope   *scope
	root    node

	slots     []int
	triples   [][3]templatePlace
	resources []ref
}

// templatePlace is a place of a CONSTRUCT template: a slot, an id, or a blank
// node that each solution has its own of.
type templatePlace struct {
	slot  int
	id    rdf.ID
	blank string
}

// Close ends an execution whose rows will not be read.
func (r *Result) Close() {
	r.exec.over = true
	r.exec.end()
}

// Hold charges memory that the reader of the result keeps of it, such as a
// serialiser that cannot stream, to the limits of the execution.
func (r *Result) Hold(bytes int) error {
	if !r.exec.charge(bytes) {
		return r.exec.err
	}
	return nil
}

// made counts a row or quad of the result.
func (r *Result) made() {
	if m := r.exec.limits.Meter; m != nil {
		m.rows.Add(1)
	}
}

// reader is who reads a result: the body of a range loop, which must not be
// called again once it has broken off.
type reader[T any] struct {
	yield func(T, error) bool
	gone  bool
}

func (to *reader[T]) give(v T, err error) bool {
	to.gone = !to.yield(v, err)
	return !to.gone
}

// run executes the plan and reports the error, if any, as a last pair.
func run[T any](r *Result, to *reader[T], visit func(row) bool) {
	defer func() { r.exec.over = true }()
	stopped := false
	r.root.run(r.exec, make(row, r.planner.width), func(s row) bool {
		if !visit(s) {
			stopped = true
		}
		return !stopped
	})
	if r.exec.err != nil && !to.gone {
		var zero T
		to.give(zero, r.exec.err)
	}
}

// Rows yields the solutions of SELECT, a term for each of Vars and the zero
// term where it is unbound. The slice is only valid until the next row. The
// last pair has the error if there was one.
func (r *Result) Rows() iter.Seq2[[]base.Term, error] {
	return func(yield func([]base.Term, error) bool) {
		out := make([]base.Term, len(r.slots))
		count, to := 0, &reader[[]base.Term]{yield: yield}
		run(r, to, func(s row) bool {
			if count++; count > r.exec.limits.MaxRows {
				return r.exec.fail(errorf(CodeOverBudget, "the result has more than %d rows; add a LIMIT", r.exec.limits.MaxRows))
			}
			for i, slot := range r.slots {
				out[i] = base.Term{}
				if id := s[slot]; id != 0 {
					out[i] = r.exec.term(id)
				}
			}
			r.made()
			return to.give(out, nil)
		})
	}
}

// Quads yields what CONSTRUCT and DESCRIBE make, each quad once: for CONSTRUCT
// in the default graph, for DESCRIBE in the graph that it was found in. The
// last pair has the error if there was one.
func (r *Result) Quads() iter.Seq2[base.Quad, error] {
	if r.Form == Describe {
		return r.describe
	}
	return r.construct
}

func (r *Result) construct(yield func(base.Quad, error) bool) {
	e := r.exec
	seen, to := newRowTable(e, 3, 3), &reader[base.Quad]{yield: yield}
	run(r, to, func(s row) bool {
		// Blank nodes are made anew for each solution (section 16.2.1).
		e.solution++
		for _, t := range r.triples {
			ids := row{r.place(t[0], s), r.place(t[1], s), r.place(t[2], s)}
			if !wellFormed(e, ids) {
				continue
			}
			if _, fresh := seen.insert(ids); !fresh {
				continue
			}
			r.made()
			if e.err != nil || !to.give(base.Quad{S: e.term(ids[0]), P: e.term(ids[1]), O: e.term(ids[2])}, nil) {
				return false
			}
		}
		return e.err == nil
	})
}

func (r *Result) place(p templatePlace, s row) rdf.ID {
	switch {
	case p.blank != "":
		return r.exec.intern(r.exec.blankFor("template " + p.blank).Term())
	case p.slot >= 0:
		return s[p.slot]
	}
	return p.id
}

// wellFormed reports a triple of RDF: a template may make others, which are
// left out.
func wellFormed(e *exec, ids row) bool {
	for _, id := range ids {
		if id == 0 {
			return false
		}
	}
	return e.term(ids[0]).Kind != base.LiteralTerm && e.term(ids[1]).Kind == base.IRITerm
}
