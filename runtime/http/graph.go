package http

import (
	"fmt"
	"net/http"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// graph answers GET of a platform graph: all its triples that the caller may
// read, or the answer of ?query= on it.
func (s *Server) graph(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("query") {
		return s.sparql(w, r)
	}
	if !s.door.MayReadGraph(principalOf(r), r.URL.Path) {
		return &base.Error{Code: base.Forbidden, Detail: "this graph is not yours to read"}
	}
	offers := []Format{Turtle, JSONLD, NTriples, HTML}
	format, ok := preferred(r, offers)
	if !ok {
		return &base.Error{Code: base.NotAcceptable, Detail: "a graph is served as " + mediaTypes(offers)}
	}
	return s.work(r, desk.Query, "GET "+r.URL.Path, func(r *http.Request, e *desk.Entry) error {
		view, err := s.view(w, r)
		if err != nil {
			return err
		}
		if !isGraph(r, view) {
			return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is no graph at %s", r.URL.Path)}
		}
		e.At(view.Position)
		return s.writeWhole(w, r, format, view, e)
	})
}

// writeWhole answers with all triples of the graph at the path of a request.
func (s *Server) writeWhole(w http.ResponseWriter, r *http.Request, format Format, view projection.View, e *desk.Entry) error {
	pattern := rdf.IDQuad{}
	if id, found := view.Graph.Lookup(base.IRI(s.root + r.URL.Path)); found {
		pattern.G = id
	}
	format, media := asText(format)
	if pattern.G != 0 {
		if err := e.Hold(view.Graph.Count(pattern) * keptPerQuad(format)); err != nil {
			return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "there is no memory now for the whole graph; try again, or take it as " + NTriples.Media}
		}
	}
	out := newAnswerWriter(w, r, media, sparql.Limits{Timeout: answerTime})
	return out.quads(format, func(yield func(base.Quad) bool) {
		if pattern.G == 0 {
			return
		}
		for q := range view.Graph.Match(pattern) {
			if out.alive() != nil || !yield(base.Quad{S: view.Graph.Term(q.S), P: view.Graph.Term(q.P), O: view.Graph.Term(q.O)}) {
				return
			}
		}
	}, rdf.WriteOptions{Prefixes: prefixes, Context: s.context})
}

// isGraph reports whether a path is that of a platform graph, which may be
// empty: one of the cluster or of a product that there is, or what is inferred
// or noted of events beside it.
func isGraph(r *http.Request, view projection.View) bool {
	product := r.PathValue("product")
	switch r.PathValue("below") {
	case "", "inferred", "events":
	case "iam":
		return r.URL.Path == "/graph/iam"
	default:
		return false
	}
	return product == "" || view.State.Get(base.Ref("/products/"+product)) != nil
}
