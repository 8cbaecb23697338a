package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// work answers a request that asks the graph for something, once its turn has
// come: all queries and updates go through it. do gets the request with the
// context that everything must run under, and the entry for its limits. An
// errBrokenOff of do ends the connection, any other error is returned.
func (s *Server) work(r *http.Request, kind desk.Kind, text string, do func(r *http.Request, e *desk.Entry) error) error {
	entry, err := s.desk.Enter(r.Context(), deskWork(r, kind, text))
	if err != nil {
		return endedError(err)
	}
	outcome := errors.New("panic") // what Leave is told when do does not return
	defer func() { entry.Leave(outcome) }()
	if outcome = entry.Hold(parsedBytes * len(text)); outcome == nil {
		outcome = do(r.WithContext(entry.Context()), entry)
	}
	if broken := new(errBrokenOff); errors.As(outcome, &broken) {
		s.log.Debug("answer broke off", "request", requestID(r), "error", outcome)
		panic(http.ErrAbortHandler)
	}
	if canceled := new(sparql.Error); errors.As(outcome, &canceled) && canceled.Code == sparql.CodeCanceled {
		if ended := new(desk.Ended); errors.As(context.Cause(entry.Context()), &ended) {
			outcome = ended // who ended it tells more than that it was ended
		}
	}
	return endedError(outcome)
}

// deskWork is what a request asks for, as the desk lists it.
func deskWork(r *http.Request, kind desk.Kind, text string) desk.Work {
	return desk.Work{ID: requestID(r), Caller: principalOf(r).Actor, Kind: kind, Endpoint: r.URL.Path, Text: text}
}

// parsedBytes is what a byte of a query or update becomes while it is parsed, at
// worst: tokens of two bytes each.
const parsedBytes = 160

// errBrokenOff is a failure after the head of the answer had left: it is too
// late for another status, and the client must not take what it has for whole.
type errBrokenOff struct{ err error }

func (e *errBrokenOff) Error() string { return e.err.Error() }
func (e *errBrokenOff) Unwrap() error { return e.err }

// endedError turns the end that somebody made of a query into what its caller
// is told: a code that clients do not take for advice to ask again at once.
func endedError(err error) error {
	if ended := new(desk.Ended); errors.As(err, &ended) {
		return &base.Error{Code: base.Exhausted, Detail: ended.Error()}
	}
	return err
}

// queryStatus is work at the desk as clients see it.
type queryStatus struct {
	ID          string        `json:"id"`
	Kind        desk.Kind     `json:"kind"`
	State       desk.State    `json:"state"`
	Caller      string        `json:"caller"`
	Endpoint    string        `json:"endpoint"`
	Text        string        `json:"text"`
	Asked       time.Time     `json:"asked"`
	Begun       *time.Time    `json:"begun,omitempty"`
	Position    base.Position `json:"position,omitempty"`
	Rows        int64         `json:"rows"`
	MemoryBytes int64         `json:"memoryBytes"`
}

// listQueries answers with what runs and waits, of which everybody sees their
// own and administrators see all.
func (s *Server) listQueries(w http.ResponseWriter, r *http.Request) error {
	items := []queryStatus{}
	for _, q := range s.desk.List() {
		if !maySeeQuery(principalOf(r), q) {
			continue
		}
		item := queryStatus{
			ID: q.ID, Kind: q.Kind, State: q.State, Caller: q.Caller.Absolute(s.root), Endpoint: s.root + q.Endpoint, Text: q.Text,
			Asked: q.Asked.UTC(), Position: q.Position, Rows: q.Rows, MemoryBytes: q.Memory,
		}
		if !q.Begun.IsZero() {
			begun := q.Begun.UTC()
			item.Begun = &begun
		}
		items = append(items, item)
	}
	say(w, http.StatusOK, JSON.Media, map[string]any{"items": items})
	return nil
}

// endQuery ends what runs or waits. What is not there and what is not the
// caller's look alike.
func (s *Server) endQuery(w http.ResponseWriter, r *http.Request) error {
	id, principal := r.PathValue("id"), principalOf(r)
	q, ok := s.desk.Find(id)
	if !ok || !maySeeQuery(principal, q) || !s.desk.End(id, principal.Actor) {
		return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("no query %q of yours runs or waits; GET /-/queries lists those that do", id)}
	}
	s.log.Info("query ended", "request", requestID(r), "query", id, "caller", string(q.Caller), "by", string(principal.Actor))
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func maySeeQuery(p command.Principal, q desk.Status) bool {
	return p.Role == command.Admin || p.Role == command.Platform || p.Actor != "" && p.Actor == q.Caller
}
