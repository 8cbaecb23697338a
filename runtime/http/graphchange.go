package http

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// changeGraph answers PUT, POST, DELETE and PATCH of a graph (SPARQL 1.1 Graph
// Store HTTP Protocol, sections 5.3 to 5.7).
func (t store) changeGraph(w http.ResponseWriter, r *http.Request) error {
	if err := t.mayUpdate(r); err != nil {
		return err
	}
	caller := principalOf(r).Actor
	if err := t.s.uploads.enter(caller); err != nil {
		return err
	}
	defer t.s.uploads.leave(caller)
	r.Body = t.s.flowing(w, r)
	g, err := t.addressed(r)
	if err != nil {
		return err
	}
	var c change
	made := false // a graph whose address we chose
	switch r.Method {
	case http.MethodDelete:
		c, err = t.deletion(g)
	case http.MethodPatch:
		c, err = t.patch(w, r, g)
	default:
		c, made, err = t.replacement(w, r, &g)
	}
	if err != nil {
		t.s.failQuery(w, r, c.what, err)
		return nil
	}
	existed, evaluate := false, c.evaluate
	c.evaluate = func(ctx context.Context, e *desk.Entry, view dataset.View) (sparql.Change, error) {
		existed = exists(view, g)
		if err := graphPreconditions(r, view, g); err != nil {
			return sparql.Change{}, err
		}
		return evaluate(ctx, e, view)
	}
	answer, err := t.change(r, c)
	if err != nil {
		t.s.failQuery(w, r, c.what, err)
		return nil
	}
	t.changed(w, answer)
	if made {
		w.Header().Set("Location", g.graph.Value)
	}
	if made && answer.Replayed || !existed && answer.View.Graph != nil && exists(answer.View, g) {
		w.WriteHeader(http.StatusCreated)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// graphPreconditions refuses a change where If-Match or If-None-Match say so.
func graphPreconditions(r *http.Request, view dataset.View, g target) error {
	positions, must, err := ifMatch(r)
	if err != nil {
		return err
	}
	stale := &base.Error{Code: base.Stale, Ref: view.Ref}
	switch there := exists(view, g); {
	case r.Header.Get("If-None-Match") == "*" && there:
		stale.Detail = g.String() + " exists already"
	case (must || len(positions) > 0) && !there:
		stale.Detail = g.String() + " does not exist"
	case len(positions) > 0 && !slices.Contains(positions, view.Last):
		stale.Revision = view.Last
		stale.Detail = "the dataset has changed since you read it; read it again"
	default:
		return nil
	}
	return stale
}

// deletion takes all quads of a graph out.
func (t store) deletion(g target) (change, error) {
	if g.whole {
		return change{}, t.nameGraph("deleted", "a SPARQL update CLEAR ALL empties the whole store")
	}
	return change{what: "DELETE " + g.String(), evaluate: func(_ context.Context, _ *desk.Entry, view dataset.View) (sparql.Change, error) {
		if !exists(view, g) {
			return sparql.Change{}, &base.Error{Code: base.NotFound, Ref: t.ref, Detail: fmt.Sprintf("%s is not in %s", g, t.ref)}
		}
		return sparql.Change{Removed: t.collect(view, g)}, nil
	}}, nil
}

// patch applies an update to a graph, or to the dataset.
func (t store) patch(w http.ResponseWriter, r *http.Request, g target) (change, error) {
	data, _, err := readBody(w, r, sparql.UpdateBytes, mediaUpdate)
	if err != nil {
		return change{}, err
	}
	c := change{what: string(data), body: data}
	u, err := sparql.ParseUpdate(c.what, sparql.Options{Base: t.base(g)})
	if err != nil {
		return c, err
	}
	if !g.whole {
		if u, err = u.Within(g.graph.Value); err != nil {
			return c, err
		}
	}
	c.evaluate = func(ctx context.Context, e *desk.Entry, view dataset.View) (sparql.Change, error) {
		return u.Run(ctx, t.updated(view, e), e.Limits(t.s.limits))
	}
	return c, nil
}

// replacement puts what was sent in the place of the target (PUT) or adds it
// (POST). A graph that is POSTed to the store becomes one of its own, whose
// address is chosen here (section 5.5).
func (t store) replacement(w http.ResponseWriter, r *http.Request, g *target) (c change, made bool, err error) {
	body, err := readGraphBody(w, r, g.whole)
	if err != nil {
		return c, false, err
	}
	if g.whole && !body.dataset {
		if r.Method == http.MethodPut {
			return c, false, t.nameGraph("replaced", "to replace the whole dataset, send "+NQuads.Media+" or "+TriG.Media)
		}
		*g, made = target{graph: base.IRI(t.iri() + "/" + graphName(r))}, true
	}
	c = change{what: r.Method + " " + g.String(), body: body.data}
	var come []base.Quad
	c.evaluate = func(_ context.Context, e *desk.Entry, view dataset.View) (sparql.Change, error) {
		if err := e.Hold(quadsPerByte * len(body.data)); err != nil {
			return sparql.Change{}, err
		}
		if come == nil { // else it is evaluated again, on a later view
			if come, err = body.quads(t.base(*g), *g); err != nil {
				return sparql.Change{}, err
			}
		}
		if r.Method == http.MethodPost {
			return sparql.Change{Added: come}, nil
		}
		return sparql.Change{Removed: t.collect(view, *g), Added: come}, nil
	}
	return c, made, nil
}

// graphName is the name of a graph whose address is chosen here. A repetition of
// a request gets the name that the first one got.
func graphName(r *http.Request) string {
	if key := r.Header.Get("Idempotency-Key"); key != "" {
		return uuid.NewSHA1(uuid.NameSpaceURL, []byte(string(principalOf(r).Actor)+"\x00"+key)).String()
	}
	return uuid.Must(uuid.NewV7()).String()
}

// quadsPerByte is roughly how many bytes the quads of a text take for each of
// its own.
const quadsPerByte = 8

func (t store) collect(view dataset.View, g target) (quads []base.Quad) {
	t.quads(view, g, func(q base.Quad) bool {
		quads = append(quads, q)
		return true
	})
	return quads
}

// base is what relative IRIs of a body are resolved against (RFC 3986, section
// 5.1): the graph, or the store where the graph has no address.
func (t store) base(g target) string {
	if g.whole || g.graph.IsZero() {
		return t.iri()
	}
	return g.graph.Value
}

// nameGraph refuses what needs a graph to be named.
func (t store) nameGraph(done, instead string) error {
	return &base.Error{Code: base.Unparsable, Ref: t.ref, Detail: fmt.Sprintf("say which graph is %s: ?graph=IRI, ?default, or an address below %s; %s", done, t.iri(), instead)}
}
