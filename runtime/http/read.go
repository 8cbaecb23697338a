package http

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

// positionWait is how long a read waits for the position that it asks for.
const positionWait = 10 * time.Second

// view is the view that a read answers from: the present one, or the first at
// the position that Picloud-Min-Position names.
func (s *Server) view(w http.ResponseWriter, r *http.Request) (projection.View, error) {
	view := s.views.View()
	if text := r.Header.Get("Picloud-Min-Position"); text != "" {
		position, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return view, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("Picloud-Min-Position: %q is no position", text)}
		}
		if view, err = s.waitFor(r, base.Position(position)); err != nil {
			return view, err
		}
	}
	w.Header().Set("Picloud-Position", view.Position.String())
	return view, nil
}

// read asks the front door for one resource.
func (s *Server) read(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) (state.Entry, projection.View, error) {
	principal, err := s.principal(r)
	if err != nil {
		return state.Entry{}, projection.View{}, err
	}
	view, err := s.view(w, r)
	if err != nil {
		return state.Entry{}, view, err
	}
	if err := s.door.MayRead(principal, kind, ref); err != nil {
		return state.Entry{}, view, err
	}
	entry, ok := view.State.Entry(ref)
	if !ok || entry.Resource.Kind() != kind {
		return state.Entry{}, view, &base.Error{Code: base.NotFound, Ref: ref, Detail: fmt.Sprintf("there is no %s at %s", kind, ref)}
	}
	return entry, view, nil
}

// Get answers GET and HEAD of a resource.
func (s *Server) Get(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	entry, view, err := s.read(w, r, kind, ref)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	format, err := chosen(r, resourceFormats)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.describedBy(w, schema.Model.Kind(string(kind)))
	head := entry.Resource.Common()
	if format == HTML {
		s.page(w, r, http.StatusOK, "resource", s.resourcePage(view, entry))
		return
	}
	body, err := s.encode(entry.Resource, format)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.send(w, r, format, etag(head.Revision, head.Last, format), body)
}

// describedBy links a representation to its class and its schema.
func (s *Server) describedBy(w http.ResponseWriter, class *base.Class) {
	w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="describedby", </schemas/%s>; rel="schema"`, class.IRI, class.Word))
}

// chosen is the format of an answer: ?format=, else the Accept header.
func chosen(r *http.Request, offers []Format) (Format, error) {
	if name := r.URL.Query().Get("format"); name != "" {
		if f, ok := formatNamed(name, offers); ok {
			return f, nil
		}
		names := make([]string, len(offers))
		for i, offer := range offers {
			names[i] = offer.Name
		}
		return Format{}, &base.Error{Code: base.NotAcceptable, Detail: fmt.Sprintf("there is no format %q; choose one of %s", name, strings.Join(names, ", "))}
	}
	if f, ok := chooseResource(r.Header["Accept"]); ok {
		return f, nil
	}
	return Format{}, &base.Error{Code: base.NotAcceptable, Detail: "this is served as " + mediaTypes(offers)}
}

// Bounds of a page of a list.
const (
	pageDefault = 100
	pageMax     = 1000
)

// listQuery is what a client asks of a list.
type listQuery struct {
	after      string // address of the last item of the page before
	limit      int
	phase      string
	tagKey     string
	tagValue   string
	deployment string
	text       string
	everywhere bool // of all products
}

func parseListQuery(r *http.Request) (q listQuery, err error) {
	query := r.URL.Query()
	q = listQuery{
		after: query.Get("after"), limit: pageDefault, phase: query.Get("phase"),
		deployment: query.Get("deployment"), text: strings.ToLower(query.Get("q")),
	}
	if text := query.Get("limit"); text != "" {
		if q.limit, err = strconv.Atoi(text); err != nil || q.limit < 1 || q.limit > pageMax {
			return q, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("limit %q is no number from 1 to %d", text, pageMax)}
		}
	}
	if tag := query.Get("tag"); tag != "" {
		var ok bool
		if q.tagKey, q.tagValue, ok = strings.Cut(tag, ":"); !ok {
			return q, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("tag %q is not key:value", tag)}
		}
	}
	return q, nil
}

func (q *listQuery) passes(r domain.Resource) bool {
	head := r.Common()
	description, tags := r.Labels()
	return (q.phase == "" || string(head.Phase) == q.phase) &&
		(q.deployment == "" || head.Deployment == q.deployment) &&
		(q.text == "" || strings.Contains(head.Ref.Name(), q.text) || strings.Contains(strings.ToLower(description), q.text)) &&
		(q.tagKey == "" || tags[q.tagKey] == q.tagValue)
}

// List answers GET of a collection: a page of its members in the order of
// their names.
func (s *Server) List(w http.ResponseWriter, r *http.Request, kind domain.Kind, collection base.Ref) {
	principal, err := s.principal(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	q, err := parseListQuery(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	format, err := chosen(r, resourceFormats)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	view, err := s.view(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if product := (collection + "/x").Product(); product != "" && view.State.Get(product) == nil {
		s.fail(w, r, &base.Error{Code: base.NotFound, Ref: product, Detail: fmt.Sprintf("there is no product at %s", product)})
		return
	}
	if err := s.door.MayRead(principal, kind, collection); err != nil {
		s.fail(w, r, err)
		return
	}
	page := s.collect(view, kind, collection, q)
	class := schema.Model.Kind(string(kind))
	s.describedBy(w, class)
	w.Header().Add("Link", `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`)
	w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	if page.next != "" {
		w.Header().Add("Link", "<"+page.next+`>; rel="next"`)
	}
	last := view.State.LastIn(string(collection))
	if format == HTML {
		s.page(w, r, http.StatusOK, "collection", s.collectionPage(class, page))
		return
	}
	body, err := s.encodeCollection(collection, page, format)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.send(w, r, format, etag(last, last, format), body)
}

// listPage is one page of a collection.
type listPage struct {
	items []domain.Resource
	next  string // address of the next page, or ""
}

func (s *Server) collect(view projection.View, kind domain.Kind, collection base.Ref, q listQuery) (page listPage) {
	for entry := range view.State.List(string(collection), q.after) {
		if entry.Resource.Kind() != kind || !q.passes(entry.Resource) {
			continue
		}
		if len(page.items) == q.limit {
			page.next = s.nextPage(collection, q, page.items[q.limit-1].Common().Ref.Name())
			break
		}
		page.items = append(page.items, entry.Resource)
	}
	return page
}

// encodeCollection writes a page: JSON with its items, RDF as an LDP container
// whose members are linked, not described.
func (s *Server) encodeCollection(collection base.Ref, page listPage, format Format) ([]byte, error) {
	if format != JSON {
		return s.serialise(s.container(collection, page), format, collection.Absolute(s.root))
	}
	e := base.Encoder{Root: s.root}
	e.Begin()
	e.Name("items")
	e.BeginArray()
	for _, item := range page.items {
		codec.AppendResource(&e, item)
	}
	e.EndArray()
	if page.next != "" {
		e.Text("next", page.next)
	}
	e.End()
	return append(e.Buffer, '\n'), nil
}

const ldp = "http://www.w3.org/ns/ldp#"

// container describes a page of a collection as a Linked Data Platform basic
// container (LDP 1.0, section 5.3).
func (s *Server) container(collection base.Ref, page listPage) []base.Quad {
	self := base.IRI(collection.Absolute(s.root))
	triples := []base.Quad{{S: self, P: base.IRI(base.RDFType), O: base.IRI(ldp + "BasicContainer")}}
	for _, item := range page.items {
		triples = append(triples, base.Quad{S: self, P: base.IRI(ldp + "contains"), O: base.IRI(item.Common().Ref.Absolute(s.root))})
	}
	return triples
}
