package sparql

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// describe yields the quads of each resource and of its fragments (R#…), and of
// the blank nodes that they lead to. A resource is described by the default
// graph; only what that says nothing about is described by the named graphs.
func (r *Result) describe(yield func(base.Quad, error) bool) {
	e, to := r.exec, &reader[base.Quad]{yield: yield}
	d := &describer{e: e, seen: newRowTable(e, 4, 4), done: newRowTable(e, 1, 1),
		emit: func(q rdf.IDQuad) bool {
			r.made()
			return to.give(base.Quad{S: e.term(q.S), P: e.term(q.P), O: e.term(q.O), G: e.term(q.G)}, nil)
		}}
	run(r, to, func(s row) bool {
		for _, place := range r.resources {
			if !d.resource(place.in(s)) {
				return false
			}
		}
		return true
	})
}

type describer struct {
	e    *exec
	seen *rowTable // quads
	done *rowTable // resources
	emit func(rdf.IDQuad) bool
}

func (d *describer) resource(id rdf.ID) bool {
	if id == 0 || d.e.isLocal(id) {
		return d.e.err == nil
	}
	if _, fresh := d.done.insert(row{id}); !fresh {
		return d.e.err == nil
	}
	found := false
	for _, graphs := range []graphSet{d.e.defaults, d.e.named} {
		for _, g := range graphs.list {
			if !d.e.tick() {
				return false
			}
			any, more := d.inGraph(id, g)
			if !more {
				return false
			}
			found = found || any
		}
		if found {
			break
		}
	}
	return true
}

// inGraph walks from the resource's own quads to blank nodes, without
// recursion: data may nest as deep as it likes.
func (d *describer) inGraph(id, graph rdf.ID) (found, more bool) {
	subjects := []rdf.ID{id}
	if t := d.e.term(id); t.Kind == base.IRITerm && !strings.Contains(t.Value, "#") {
		for q := range d.e.snapshot.Describe(t.Value, graph) {
			if !d.e.tick() {
				return found, false
			}
			if q.S != subjects[len(subjects)-1] {
				subjects = append(subjects, q.S)
			}
		}
	}
	for len(subjects) > 0 {
		subject := subjects[0]
		subjects = subjects[1:]
		for q := range d.e.snapshot.Match(rdf.IDQuad{S: subject, G: graph}) {
			found = true
			_, fresh := d.seen.insert(row{q.S, q.P, q.O, q.G})
			if d.e.err != nil || !d.e.tick() || fresh && !d.emit(q) {
				return found, false
			}
			if fresh && d.e.term(q.O).Kind == base.BlankTerm {
				subjects = append(subjects, q.O)
			}
		}
	}
	return found, true
}
