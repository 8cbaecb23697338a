package http

import (
	"errors"
	"fmt"
	"net/http"

	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/live"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
	"github.com/picloud/picloud/runtime/sparql/results"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// The formats of an answer: of SELECT and ASK, and of CONSTRUCT and DESCRIBE.
var (
	resultFormats = []Format{
		{"json", "application/sparql-results+json"}, {"xml", "application/sparql-results+xml"},
		{"csv", "text/csv"}, {"tsv", "text/tab-separated-values"},
		{"json", "application/json"}, {"xml", "application/xml"}, HTML,
	}
	graphFormats = []Format{Turtle, NTriples, JSONLD, HTML}
)

// sparql answers the endpoint of the cluster, or of one product.
func (s *Server) sparql(w http.ResponseWriter, r *http.Request) error {
	return s.serveSPARQL(w, r, platform{s})
}

// endpoint is what queries and updates are sent to.
type endpoint interface {
	// see is what the caller of a request may query, and of which position.
	see(w http.ResponseWriter, r *http.Request) (base.Position, sparql.Dataset, error)
	// target is what live queries ask.
	target(w http.ResponseWriter, r *http.Request) (liveTarget, error)
	// mayUpdate refuses who may send no update, before one is read.
	mayUpdate(r *http.Request) error
	// update carries out an update.
	update(w http.ResponseWriter, r *http.Request, request sparqlRequest) error
	// describe adds what a service description says of this endpoint alone.
	describe(d *description)
	// examples are queries to begin with, at least one.
	examples() []example
}

// serveSPARQL answers a request of the SPARQL 1.1 Protocol.
func (s *Server) serveSPARQL(w http.ResponseWriter, r *http.Request, e endpoint) error {
	request, err := readProtocol(w, r, e)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept")
	switch {
	case request.updates:
		if err := e.update(w, r, request); err != nil {
			s.failQuery(w, r, request.text, err)
		}
		return nil
	case !request.asked:
		return s.describeService(w, r, e)
	case wantsStream(r) && !request.explain:
		if err := s.watch(w, r, request, e); err != nil {
			s.failQuery(w, r, request.text, err)
		}
		return nil
	}
	err = s.work(r, desk.Query, request.text, func(r *http.Request, entry *desk.Entry) error {
		// Only now, so that the answer is of the moment of its turn.
		position, dataset, err := e.see(w, r)
		if err != nil {
			return err
		}
		entry.At(position)
		return s.answer(w, r, request, dataset, entry.Limits(s.limits))
	})
	if err != nil {
		s.failQuery(w, r, request.text, err)
	}
	return nil
}

// watch answers a query as a stream.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, request sparqlRequest, e endpoint) error {
	target, err := e.target(w, r)
	if err != nil {
		return err
	}
	return s.streamQuery(w, r, live.Request{Text: request.text, Default: request.defaults, Named: request.named}, target)
}

// answer runs a query and streams what it finds.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, request sparqlRequest, dataset sparql.Dataset, limits sparql.Limits) error {
	query, err := sparql.Parse(request.text, sparql.Options{Base: s.root + r.URL.Path})
	if err != nil {
		return err
	}
	if len(request.defaults)+len(request.named) > 0 {
		query = query.WithDataset(request.defaults, request.named) // in the place of FROM, which the text may have too
	}
	if request.explain {
		return s.explain(w, r, query, dataset, limits)
	}
	offers := resultFormats
	if query.Form() == syntax.Construct || query.Form() == syntax.Describe {
		offers = graphFormats
	}
	format, ok := choose(r.Header["Accept"], offers)
	if name := r.URL.Query().Get("format"); name != "" {
		// Clients send ?format= of any vocabulary beside an Accept that says what
		// they mean; without one the name is all that they say.
		if named, known := formatNamed(usual(name, offers), offers); known {
			format, ok = named, true
		} else if accept := strings.Join(r.Header["Accept"], ","); accept == "" || accept == "*/*" {
			ok = false
		}
	}
	if !ok {
		return &base.Error{Code: base.NotAcceptable, Detail: fmt.Sprintf("a %s is answered as %s; name one in Accept, or as ?format=%s",
			query.Form(), mediaTypes(offers), formatNames(offers))}
	}
	result, err := sparql.Execute(r.Context(), query, dataset, limits)
	if err != nil {
		return err
	}
	defer result.Close()
	if format == HTML {
		return s.queryPage(w, r, request.text, result)
	}
	out := newAnswerWriter(w, r, format.Media, limits)
	if err := s.writeResult(out, format, result); err != nil {
		return out.failed(err)
	}
	return out.finish()
}

func (s *Server) writeResult(out *answerWriter, format Format, result *sparql.Result) error {
	if result.Form == syntax.Construct || result.Form == syntax.Describe {
		return s.writeGraph(out, format, result)
	}
	syntaxOf, _ := results.FormatOf(format.Media)
	if result.Form == syntax.Ask {
		return results.WriteBoolean(out, syntaxOf, result.Boolean)
	}
	return results.Write(out, syntaxOf, result.Vars, result.Rows())
}

func (s *Server) writeGraph(out *answerWriter, format Format, result *sparql.Result) error {
	var failed error
	kept := keptPerQuad(format)
	triples := func(yield func(base.Quad) bool) {
		for q, err := range result.Quads() {
			q.G = base.Term{}
			if err == nil && kept > 0 {
				err = result.Hold(kept)
			}
			if failed = err; err != nil || !yield(q) {
				return
			}
		}
	}
	syntaxOf, _ := rdf.FormatOf(format.Media)
	err := rdf.Write(out, syntaxOf, triples, rdf.WriteOptions{Prefixes: prefixes, Context: s.context, Alive: out.alive})
	if failed != nil {
		return failed
	}
	return err
}

// queryError is what went wrong in a query as clients are told it: its place,
// the line and a caret under it.
func queryError(err error) *base.Error {
	var e *sparql.Error
	if !errors.As(err, &e) {
		return nil
	}
	failed := &base.Error{Detail: e.Message}
	switch e.Code {
	case sparql.CodeSyntax:
		failed.Code = base.Unparsable
		if at := e.Syntax; at != nil {
			failed.Detail = at.Message + "\n" + at.Excerpt
			failed.Violations = []base.Violation{{ID: "syntax", Message: at.Message, Line: at.Pos.Line, Column: at.Pos.Col, Expected: at.Expected}}
		}
	case sparql.CodeUnsupported:
		failed.Code = base.Unimplemented
	case sparql.CodeCanceled:
		failed.Code = base.Unavailable
	case sparql.CodeRefused:
		failed.Code = base.Conflict
	default:
		failed.Code = base.Exhausted
	}
	return failed
}

// failQuery answers with what went wrong in a query.
func (s *Server) failQuery(w http.ResponseWriter, r *http.Request, text string, err error) {
	failed := queryError(err)
	if failed == nil {
		s.fail(w, r, err)
		return
	}
	if wantsPage(r) || r.URL.Query().Get("format") == HTML.Name {
		s.page(w, r, failed.Code.Status(), "query", queryPage{Action: r.URL.Path, Query: text,
			Problem: &problem{Title: titles[failed.Code], Detail: failed.Detail}})
		return
	}
	s.fail(w, r, failed)
}
