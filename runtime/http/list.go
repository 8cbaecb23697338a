package http

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/state"
)

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
	if q.phase != "" && !slices.ContainsFunc(schema.Model.Enum("Phase").Tokens, func(t base.Token) bool { return t.Token == q.phase }) {
		return q, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("there is no phase %q", q.phase)}
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

func (s *Server) list(w http.ResponseWriter, r *http.Request, kind domain.Kind, collection base.Ref) error {
	q, err := parseListQuery(r)
	if err != nil {
		return err
	}
	format, err := chosen(r, resourceFormats)
	if err != nil {
		return err
	}
	now, err := s.state(w, r)
	if err != nil {
		return err
	}
	if product := (collection + "/x").Product(); product != "" && now.Get(product) == nil {
		return &base.Error{Code: base.NotFound, Ref: product, Detail: fmt.Sprintf("there is no product at %s", product)}
	}
	if err := s.door.MayRead(principalOf(r), kind, collection); err != nil {
		return err
	}
	page := s.collect(now, kind, collection, q)
	class := schema.Model.Kind(string(kind))
	s.describedBy(w, class)
	w.Header().Add("Link", `<http://www.w3.org/ns/ldp#BasicContainer>; rel="type"`)
	w.Header().Add("Link", `</ontology/shapes>; rel="http://www.w3.org/ns/ldp#constrainedBy"`)
	w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	if page.next != "" {
		w.Header().Add("Link", "<"+page.next+`>; rel="next"`)
	}
	last := now.LastIn(string(collection))
	if format == HTML {
		s.page(w, r, http.StatusOK, "collection", s.collectionPage(class, collection, q, page))
		return nil
	}
	body, err := s.encodeCollection(collection, page, format)
	if err != nil {
		return err
	}
	s.send(w, r, format, etag(last, last, format), body)
	return nil
}

// listPage is one page of a collection.
type listPage struct {
	items []domain.Resource
	next  string // address of the next page, or ""
}

func (s *Server) collect(now *state.State, kind domain.Kind, collection base.Ref, q listQuery) (page listPage) {
	for entry := range now.List(string(collection), q.after) {
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

// nextPage is the address of the page that follows.
func (s *Server) nextPage(collection base.Ref, q listQuery, last string) string {
	query := url.Values{"after": {last}}
	for name, value := range map[string]string{"phase": q.phase, "deployment": q.deployment, "q": q.text} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.limit != pageDefault {
		query.Set("limit", strconv.Itoa(q.limit))
	}
	if q.tagKey != "" {
		query.Set("tag", q.tagKey+":"+q.tagValue)
	}
	return collection.Absolute(s.root) + "?" + query.Encode()
}
