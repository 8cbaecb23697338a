package http

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/picloud/picloud/gen/base"
)

// problem is a problem document (RFC 9457).
type problem struct {
	Type       string           `json:"type"`
	Title      string           `json:"title"`
	Status     int              `json:"status"`
	Detail     string           `json:"detail,omitempty"`
	Instance   string           `json:"instance,omitempty"` // the resource it is about
	Rule       string           `json:"rule,omitempty"`
	Request    string           `json:"request,omitempty"`  // to find it in the log of the node
	Revision   base.Position    `json:"revision,omitempty"` // the present one, of ErrorStale
	Event      string           `json:"event,omitempty"`    // that made it so
	Actor      string           `json:"actor,omitempty"`    // who did
	Violations []base.Violation `json:"violations,omitempty"`
	Resources  []string         `json:"resources,omitempty"`
}

// Help is where this cluster says what the code of a problem means.
func (p problem) Help() string { return ontologyHref(p.Type) }

func (p problem) describe(d *pageData) { d.Title = p.Title }

// titles are the sentences of the codes, the same for every occurrence (RFC 9457,
// section 3.1.3), but for unanswered.
var titles = map[base.Code]string{
	base.Invalid:         "The input breaks a rule",
	base.Unparsable:      "The input cannot be read",
	base.Unauthenticated: "A valid bearer token is needed",
	base.Forbidden:       "This is not allowed to you",
	base.NotFound:        "There is no such thing, or it is not yours to see",
	base.Conflict:        "The present state forbids it",
	base.Stale:           "It has changed since you read it",
	base.Exhausted:       "A declared limit is reached",
	base.Unavailable:     "It was not applied; try again",
	base.Uncertain:       "It may have been applied; repeat it with the same idempotency key",
	base.TooLarge:        "The input is over a limit",
	base.Method:          "The resource has no such method",
	base.NotAcceptable:   "None of the accepted types is served here",
	base.MediaType:       "The type of the body is not read here",
	base.Gone:            "It has been compacted away",
	base.Full:            "There is no room for it",
	base.Unimplemented:   "This is not supported here",
	base.Internal:        "Something is wrong on our side",
}

// unanswered stands in the place of a title that speaks of changes, for who asked
// for none.
const unanswered = "There is no answer now; try again"

// problemOf is the document of an error. Errors that are not meant for callers
// go to the node's log with the id of the request, and only the id leaves.
func (s *Server) problemOf(r *http.Request, err error) (problem, *base.Error) {
	id := requestID(r)
	var e *base.Error
	if !errors.As(err, &e) {
		s.log.Error("request failed", "request", id, "method", r.Method, "path", r.URL.Path, "error", err)
		e = &base.Error{Code: base.Internal, Detail: fmt.Sprintf("request %s failed; the log of the node says why", id)}
	}
	p := problem{
		Type: e.Code.IRI(), Title: titles[e.Code], Status: e.Code.Status(), Detail: e.Detail,
		Rule: e.Rule, Request: id, Revision: e.Revision, Violations: e.Violations,
	}
	if e.Code == base.Unavailable && !forLeader(r) {
		p.Title = unanswered
	}
	if e.Ref != "" {
		p.Instance = e.Ref.Absolute(s.root)
	}
	for _, ref := range e.Resources {
		p.Resources = append(p.Resources, ref.Absolute(s.root))
	}
	s.blame(&p, e.Revision)
	return p, e
}

// fail answers a request with an error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && !errors.As(err, new(*base.Error)) { // the client has left; nobody reads the answer
		return
	}
	p, e := s.problemOf(r, err)
	header := w.Header()
	header.Del("ETag")
	header.Set("Cache-Control", "no-store")
	if e.Code == base.NotAcceptable || e.Code == base.Unauthenticated {
		header.Add("Vary", "Accept")
	}
	if e.RetryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	page := wantsPage(r)
	if e.Code == base.Unauthenticated {
		header.Set("WWW-Authenticate", `Bearer realm="picloud"`)
		if page { // a browser asks for a password: the token
			header.Add("WWW-Authenticate", `Basic realm="picloud: any name, the token as password", charset="UTF-8"`)
		}
	}
	if page {
		s.page(w, r, p.Status, "problem", p)
		return
	}
	header.Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(append(p.json(), '\n')) // a client that left is no error of ours
	}
}

func (p problem) json() []byte { return bytes.TrimSuffix(legible(p), []byte{'\n'}) }

// legible is a plain struct as JSON with its line feed. IRIs keep their angle
// brackets: many clients show a problem as it came.
func legible(v any) []byte {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // strings, numbers and lists of them: cannot happen
		panic(err)
	}
	return body.Bytes()
}

// blame says which event made the present revision, and who caused it.
func (s *Server) blame(p *problem, revision base.Position) {
	if revision == 0 {
		return
	}
	p.Event = revision.Ref().Absolute(s.root)
	if e, err := s.eventAt(revision); err == nil {
		p.Actor = e.Actor.Absolute(s.root)
	}
}

// wantsPage reports whether a person with a browser asks.
func wantsPage(r *http.Request) bool {
	f, ok := choose(r.Header["Accept"], []Format{JSON, HTML})
	return ok && f == HTML
}
