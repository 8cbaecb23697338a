package http

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// The formats of datasets, beside those of graphs.
var (
	TriG   = Format{"trig", "application/trig"}
	NQuads = Format{"nq", "application/n-quads"}
)

var (
	oneGraphFormats = []Format{Turtle, NTriples, JSONLD, HTML}
	// wholeFormats of the store itself: TriG and N-Quads say all of it, the others
	// its default graph.
	wholeFormats = []Format{TriG, NQuads, Turtle, NTriples, JSONLD, HTML}
)

// target is what a request of the SPARQL 1.1 Graph Store HTTP Protocol is about.
type target struct {
	whole bool // no graph was named
	graph base.Term
}

func (g target) String() string {
	switch {
	case g.whole:
		return "the dataset"
	case g.graph.IsZero():
		return "the default graph"
	}
	return "the graph <" + g.graph.Value + ">"
}

// addressed finds the graph that a request names: directly, by its own address
// below that of the store (section 4.1), or indirectly, by ?graph= or ?default
// (section 4.2).
func (t store) addressed(r *http.Request) (target, error) {
	parameters := r.URL.Query()
	graphs, byDefault, direct := parameters["graph"], parameters.Has("default"), r.PathValue("below") != ""
	bad := func(detail string) (target, error) {
		return target{}, &base.Error{Code: base.Unparsable, Ref: t.ref, Detail: detail}
	}
	switch {
	case len(graphs) > 1 || len(graphs) == 1 && byDefault || direct && (len(graphs) == 1 || byDefault):
		return bad("a request is about one graph; name it once: by its address, by ?graph=, or by ?default")
	case direct:
		return target{graph: base.IRI(t.s.root + r.URL.EscapedPath())}, nil
	case byDefault:
		return target{}, nil
	case len(graphs) == 0:
		return target{whole: true}, nil
	}
	if err := rdf.CheckIRI(graphs[0]); err != nil {
		return bad(fmt.Sprintf("?graph= must be an absolute IRI: %v", err))
	}
	return target{graph: base.IRI(graphs[0])}, nil
}

// quads are those of the target that are asserted, or of a graph that is
// concluded.
func (t store) quads(view dataset.View, g target, yield func(base.Quad) bool) {
	if !g.whole {
		if id, ok := view.Graph.Lookup(g.graph); ok {
			view.Graph.Quads(rdf.IDQuad{G: id})(yield)
		}
		return
	}
	for id := range view.Graph.Graphs() {
		if t.s.cfg.Datasets.Concluded(view.Graph.Term(id)) {
			continue
		}
		for q := range view.Graph.Quads(rdf.IDQuad{G: id}) {
			if !yield(q) {
				return
			}
		}
	}
}

// exists reports whether there is a graph: one that is empty is none, but the
// default graph and the dataset always are.
func exists(view dataset.View, g target) bool {
	if g.whole || g.graph.IsZero() {
		return true
	}
	id, ok := view.Graph.Lookup(g.graph)
	return ok && view.Graph.Count(rdf.IDQuad{G: id}) > 0
}

// getGraph answers GET and HEAD of a graph (section 5.2), of the whole dataset,
// or, with ?query=, of a query.
func (t store) getGraph(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("query") && r.PathValue("below") == "" {
		return t.sparql(w, r)
	}
	g, err := t.addressed(r)
	if err != nil {
		return err
	}
	offers := oneGraphFormats
	if g.whole {
		offers = wholeFormats
	}
	format, ok := preferred(r, offers)
	if !ok {
		return &base.Error{Code: base.NotAcceptable, Detail: fmt.Sprintf("%s is served as %s; name one in Accept, or as ?format=%s", g, mediaTypes(offers), formatNames(offers))}
	}
	return t.s.work(r, desk.Query, "GET "+g.String(), func(r *http.Request, e *desk.Entry) error {
		view, err := t.view(w, r)
		if err != nil {
			return err
		}
		if !exists(view, g) {
			return &base.Error{Code: base.NotFound, Ref: t.ref, Detail: fmt.Sprintf("%s is not in %s", g, t.ref)}
		}
		e.At(view.Position)
		return t.writeGraph(w, r, view, g, format, e)
	})
}

// graphTag is the entity tag of every graph of a dataset: it changes when the
// dataset does.
func graphTag(view dataset.View, format Format) string {
	return fmt.Sprintf(`"%d.%s"`, view.Last, format.Name)
}

func (t store) writeGraph(w http.ResponseWriter, r *http.Request, view dataset.View, g target, format Format, e *desk.Entry) error {
	header := w.Header()
	header.Set("ETag", graphTag(view, format))
	header.Set("Cache-Control", "private, no-cache")
	header.Add("Vary", "Accept")
	if !noneMatch(r, graphTag(view, format)) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	format, media := asText(format)
	if g.whole && !slices.Contains([]Format{TriG, NQuads}, format) {
		g = target{}
	}
	count := 0
	if id, ok := view.Graph.Lookup(g.graph); ok && !g.whole {
		count = view.Graph.Count(rdf.IDQuad{G: id})
	} else if g.whole {
		count = view.Graph.Len()
	}
	if err := e.Hold(count * keptPerQuad(format)); err != nil {
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "there is no memory now to group so many triples; try again, or take them as " + NTriples.Media + " or " + NQuads.Media}
	}
	out := newAnswerWriter(w, r, media, t.s.limits)
	return out.quads(format, func(yield func(base.Quad) bool) {
		t.quads(view, g, func(q base.Quad) bool {
			if !g.whole {
				q.G = base.Term{}
			}
			return out.alive() == nil && yield(q)
		})
	}, rdf.WriteOptions{Prefixes: prefixes[2:5]})
}
