package shacl

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// pathReader reads one path.
type pathReader struct {
	*compiler
	shape, at rdf.ID
	size      int
}

// read gives the path of a node, or nil and a problem.
func (r *pathReader) read(id rdf.ID, depth int) *path {
	t := r.termOf(id)
	if r.size++; depth > maxPathDepth || r.size > maxPathSize {
		return r.wrong("has more than %d operators, or more than %d within each other; it may refer to itself", maxPathSize, maxPathDepth)
	}
	if t.Kind == base.IRITerm && t.Value != base.RDFNil {
		return &path{iri: t.Value, term: r.term(t)}
	}
	if t.Kind != base.BlankTerm {
		return r.wrong("is %s; write the IRI of a property, a list of paths, or [ sh:inversePath … ]", r.compiler.show(id))
	}
	var p *path
	if len(r.objects(id, base.RDFFirst)) > 0 { // a list is a list, whatever else is said about it
		return r.sequence(id, depth)
	}
	for word, op := range pathWords {
		for _, o := range r.objects(id, sh+word) {
			if p != nil {
				return r.wrong("says two things in one [ ]; put one path into the other")
			}
			p = &path{op: op}
			if op == alternative {
				if !r.members(p, o, depth, "alternativePath") {
					return nil
				}
				continue
			}
			sub := r.read(o, depth+1)
			if sub == nil {
				return nil
			}
			p.sub = []*path{sub}
		}
	}
	if p == nil {
		return r.sequence(id, depth)
	}
	return p
}

func (r *pathReader) sequence(id rdf.ID, depth int) *path {
	p := &path{op: sequence}
	if !r.members(p, id, depth, "path") {
		return nil
	}
	return p
}

func (r *pathReader) members(p *path, head rdf.ID, depth int, name string) bool {
	members, ok := r.list(r.shape, name, head)
	if ok && len(members) < 2 {
		r.wrong("has a list of %d; a path of a list has at least two members", len(members))
		return false
	}
	for _, m := range members {
		sub := r.read(m, depth+1)
		if sub == nil {
			return false
		}
		p.sub = append(p.sub, sub)
	}
	return ok
}

func (r *pathReader) wrong(format string, args ...any) *path {
	r.problem(r.shape, sh+"path", r.at, "the sh:path of %s "+format, append([]any{r.compiler.show(r.shape)}, args...)...)
	return nil
}
