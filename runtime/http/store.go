package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// store is the endpoint of a resource that holds an RDF dataset.
type store struct {
	s    *Server
	kind domain.Kind
	ref  base.Ref
}

// What the routes of all datasets lead to.
var _ api.DatasetServer = (*Server)(nil)

// Sparql answers the SPARQL 1.1 Protocol of a dataset.
func (s *Server) Sparql(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	s.answerFor(w, r, store{s, kind, ref}.sparql(w, r))
}

// Graph answers the SPARQL 1.1 Graph Store HTTP Protocol of a dataset.
func (s *Server) Graph(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	t := store{s, kind, ref}
	if writes(r.Method) {
		s.answerFor(w, r, t.changeGraph(w, r))
		return
	}
	s.answerFor(w, r, t.getGraph(w, r))
}

func (t store) sparql(w http.ResponseWriter, r *http.Request) error { return t.s.serveSPARQL(w, r, t) }

// view is what the dataset holds: now, or at the position that the caller waits
// for. Who may not read it learns as little as of any resource.
func (t store) view(w http.ResponseWriter, r *http.Request) (dataset.View, error) {
	_, at, err := t.s.read(w, r, t.kind, t.ref)
	if err != nil {
		return dataset.View{}, err
	}
	var least base.Position
	if asksPosition(r) { // at is that far
		least = at.Position
	}
	ctx, cancel := context.WithTimeout(r.Context(), t.s.cfg.Times.Position)
	defer cancel()
	view, err := t.s.cfg.Datasets.View(ctx, t.ref, least)
	switch {
	case errors.Is(err, dataset.ErrNone):
		return view, t.none()
	case errors.Is(err, dataset.ErrClosed), err != nil && ctx.Err() != nil:
		return view, &base.Error{Code: base.Unavailable, Ref: t.ref, RetryAfter: 1, Detail: "the dataset is not read in yet; try again"}
	case err != nil:
		return view, err
	}
	w.Header().Set("Picloud-Position", view.Position.String())
	return view, nil
}

// none is what is said of a store that is not there.
func (t store) none() error {
	return &base.Error{Code: base.NotFound, Ref: t.ref, Detail: fmt.Sprintf("there is no %s at %s", t.kind, t.ref)}
}

func (t store) see(w http.ResponseWriter, r *http.Request) (base.Position, sparql.Dataset, error) {
	view, err := t.view(w, r)
	if err != nil {
		return 0, sparql.Dataset{}, err
	}
	return view.Position, t.dataset(view), nil
}

// dataset is what a query sees: the default graph together with what is
// concluded from it, and all other graphs by name. Nothing else is in the store.
func (t store) dataset(view dataset.View) sparql.Dataset {
	d := sparql.Dataset{Snapshot: view.Graph, Default: []rdf.ID{rdf.DefaultGraph}}
	for _, iri := range t.merged() {
		if id, ok := view.Graph.Lookup(base.IRI(iri)); ok {
			d.Default = append(d.Default, id)
		}
	}
	for id := range view.Graph.Graphs() {
		if id != rdf.DefaultGraph {
			d.Named = append(d.Named, id)
		}
	}
	return d
}

// merged are the graphs that queries see together with the default graph.
func (t store) merged() []string {
	iri := t.iri() + "/inferred"
	if !t.s.cfg.Datasets.Concluded(base.IRI(iri)) {
		return nil
	}
	return []string{iri}
}

// inference is what the resource asks to be concluded.
func (t store) inference() string {
	if holder, ok := t.s.views.State().Get(t.ref).(domain.DatasetHolder); ok {
		return holder.Dataset().Inference
	}
	return ""
}

// iri is the address of the graph store.
func (t store) iri() string { return t.ref.Absolute(t.s.root) + "/graph" }

func (t store) mayUpdate(r *http.Request) error { return t.s.mayWrite(r, t.kind, t.ref) }

func (t store) update(w http.ResponseWriter, r *http.Request, request sparqlRequest) error {
	u, err := sparql.ParseUpdate(request.text, sparql.Options{Base: t.s.root + r.URL.Path})
	if err != nil {
		return err
	}
	if u, err = u.WithDataset(request.defaults, request.named); err != nil {
		return &base.Error{Code: base.Unparsable, Detail: err.Error()}
	}
	condition := command.Precondition{}
	if condition.Revisions, _, err = ifMatch(r); err != nil {
		return err
	}
	answer, err := t.change(r, change{
		what: request.text, body: []byte(request.text), condition: condition,
		evaluate: func(ctx context.Context, e *desk.Entry, view dataset.View) (sparql.Change, error) {
			return u.Run(ctx, t.updated(view, e), e.Limits(t.s.limits))
		},
	})
	if err != nil {
		return err
	}
	t.changed(w, answer)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// updated is what an update is evaluated on.
func (t store) updated(view dataset.View, e *desk.Entry) sparql.UpdateDataset {
	d := sparql.UpdateDataset{Snapshot: view.Graph, Derived: t.s.cfg.Datasets.Concluded, Merged: t.merged()}
	if t.s.cfg.Load != nil {
		d.Load = func(ctx context.Context, source string) ([]base.Quad, error) {
			return t.s.cfg.Load.Load(ctx, source, func(bytes int) error { return e.Hold(quadsPerByte * bytes) })
		}
	}
	return d
}

// change is a change of a dataset that a request asks for.
type change struct {
	what      string // for the list of what is at work
	body      []byte // by which a repetition is known
	condition command.Precondition
	evaluate  func(ctx context.Context, e *desk.Entry, view dataset.View) (sparql.Change, error)
}

// change takes a change through the front door. All ways to change a dataset
// come through here.
func (t store) change(r *http.Request, c change) (writer.Answer, error) {
	q, err := t.s.request(r, c.body)
	if err != nil {
		return writer.Answer{}, err
	}
	q.If = c.condition
	// Who waits in line for other changes of the dataset, or for the disk, is at no
	// desk and takes nobody's turn.
	aside, leave, err := t.s.desk.Aside(r.Context(), deskWork(r, desk.Update, c.what))
	if err != nil {
		return writer.Answer{}, err
	}
	defer leave()
	r = r.WithContext(aside)
	answer, err := t.s.cfg.Writer.Change(aside, t.ref, *q, func(_ context.Context, view dataset.View) (removed, added []base.Quad, err error) {
		err = t.s.work(r, desk.Update, c.what, func(r *http.Request, e *desk.Entry) error {
			e.At(view.Position)
			change, err := c.evaluate(r.Context(), e, view)
			removed, added = change.Removed, change.Added
			return err
		})
		return removed, added, err
	})
	return answer, endedError(err)
}

// changed sets the headers of an answer to a change.
func (t store) changed(w http.ResponseWriter, answer writer.Answer) {
	header := w.Header()
	header.Set("Picloud-Position", answer.Position.String())
	header.Set("Cache-Control", "no-store")
	if answer.View.Last > 0 { // of all graphs, in whatever format
		header.Set("ETag", `"`+answer.View.Last.String()+`"`)
	}
	if answer.Replayed {
		header.Set("Picloud-Replayed", "true")
	}
}
