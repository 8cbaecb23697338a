package reasoning

import (
	"cmp"
	"context"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Refusals lists the given triples of a dataset that are not believed, because
// they are axioms about terms of others, at most limit of them. It looks at the
// triples that could be axioms and at no others. The error is that of ctx.
func (r *Reasoner) Refusals(ctx context.Context, s *rdf.Snapshot, limit int) ([]Refusal, error) {
	var refused []Refusal
	seen := 0
	for graph := range s.Graphs() {
		if r.skips(s.Term(graph)) {
			continue
		}
		for _, pattern := range axiomPatterns(s, graph) {
			for q := range s.Quads(pattern) {
				if seen++; seen%4096 == 0 && ctx.Err() != nil {
					return refused, ctx.Err()
				}
				refusal := r.cfg.Authority.Judge(q)
				if refusal == nil {
					continue
				}
				if len(refused) == limit {
					return refused, nil
				}
				refused = append(refused, *refusal)
			}
		}
	}
	return refused, ctx.Err()
}

// axiomPatterns match every triple of a graph that could be an axiom, in an
// order that does not change.
func axiomPatterns(s *rdf.Snapshot, graph rdf.ID) (patterns []rdf.IDQuad) {
	for name := range axiomsAbout {
		if p, known := s.Lookup(base.IRI(name)); known {
			patterns = append(patterns, rdf.IDQuad{P: p, G: graph})
		}
	}
	if typed, known := s.Lookup(base.IRI(base.RDFType)); known {
		for name := range axiomClasses {
			if class, known := s.Lookup(base.IRI(name)); known {
				patterns = append(patterns, rdf.IDQuad{P: typed, O: class, G: graph})
			}
		}
	}
	slices.SortFunc(patterns, func(a, b rdf.IDQuad) int { return cmp.Or(cmp.Compare(a.P, b.P), cmp.Compare(a.O, b.O)) })
	return patterns
}
