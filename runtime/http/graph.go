package http

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/rdf"
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
	offers := []Format{Turtle, JSONLD, NTriples}
	format, ok := choose(r.Header["Accept"], append(slices.Clone(offers), HTML))
	if name := r.URL.Query().Get("format"); name != "" {
		format, ok = formatNamed(name, offers)
	}
	if !ok {
		return &base.Error{Code: base.NotAcceptable, Detail: "a graph is served as " + mediaTypes(offers)}
	}
	view, err := s.view(w, r)
	if err != nil {
		return err
	}
	if format == HTML { // a browser reads it as Turtle
		format = Format{Turtle.Name, "text/plain; charset=utf-8"}
	}
	if !isGraph(r, view) {
		return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is no graph at %s", r.URL.Path)}
	}
	id, found := view.Graph.Lookup(base.IRI(s.root + r.URL.Path))
	out := &lateWriter{w: w, media: format.Media}
	triples := func(yield func(base.Quad) bool) {
		if !found {
			return
		}
		for q := range view.Graph.Match(rdf.IDQuad{G: id}) {
			if !yield(base.Quad{S: view.Graph.Term(q.S), P: view.Graph.Term(q.P), O: view.Graph.Term(q.O)}) {
				return
			}
		}
	}
	syntaxOf := rdf.Turtle
	if f, ok := rdf.FormatOf(format.Media); ok {
		syntaxOf = f
	}
	if err := rdf.Write(out, syntaxOf, triples, rdf.WriteOptions{Prefixes: prefixes, Context: s.context}); err != nil {
		if out.started {
			panic(http.ErrAbortHandler)
		}
		return err
	}
	_ = out.finish() // a client that left is no error of ours
	return nil
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
