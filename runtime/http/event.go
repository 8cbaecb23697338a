package http

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/state"
)

// eventAt reads one event of the log.
func (s *Server) eventAt(position base.Position) (*domain.Event, error) {
	b, err := s.events.ReadAt(uint64(position))
	if errors.Is(err, eventlog.ErrNotFound) {
		return nil, &base.Error{Code: base.NotFound, Ref: position.Ref(), Detail: fmt.Sprintf("there is no event at position %d", position)}
	}
	if err != nil {
		return nil, err
	}
	batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
	if err != nil {
		return nil, err
	}
	return batch.Events[position-base.Position(b.First)], nil
}

// event answers GET /events/{position}: the event as a CloudEvent, as RDF, or
// as a page.
func (s *Server) event(w http.ResponseWriter, r *http.Request) {
	principal, err := s.principal(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	position, err := strconv.ParseUint(r.PathValue("position"), 10, 64)
	if err != nil {
		s.fail(w, r, &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("%q is no position", r.PathValue("position"))})
		return
	}
	e, err := s.eventAt(base.Position(position))
	if err == nil && !s.door.MaySee(principal, e) {
		err = &base.Error{Code: base.NotFound, Ref: base.Position(position).Ref(), Detail: fmt.Sprintf("there is no event at position %d", position)}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	format, err := chosen(r, resourceFormats)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	switch format {
	case HTML:
		s.page(w, r, http.StatusOK, "resource", s.eventPage(e))
	case JSON:
		s.send(w, r, Format{JSON.Name, "application/cloudevents+json"}, etag(e.Position, e.Position, format), append(s.appendEvent(nil, e), '\n'))
	default:
		q := base.QuadWriter{Root: s.root}
		quads.AppendEvent(&q, e)
		body, err := s.serialise(q.Quads, format, e.Position.Ref().Absolute(s.root))
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.send(w, r, format, etag(e.Position, e.Position, format), body)
	}
}

// eventPage shows an event as pages show resources: its attributes, and its
// data as the members of the CloudEvent.
func (s *Server) eventPage(e *domain.Event) resourcePage {
	page := resourcePage{Name: e.Position.String(), Kind: string(e.Payload.Type()), KindHref: ontologyHref(base.Ontology + string(e.Payload.Type())), Ref: e.Position.Ref()}
	q := base.QuadWriter{Root: s.root}
	quads.AppendEvent(&q, e)
	var rows []row
	for _, quad := range q.Quads {
		if quad.P.Value != base.RDFType {
			rows = s.appendRow(rows, quad)
		}
	}
	page.Groups = []group{{Rows: rows}}
	v, fault := base.ReadJSON(s.appendEvent(nil, e), base.Limits{})
	if fault == nil && v.Get("data") != nil && len(v.Get("data").Members) > 0 {
		data := group{Title: "data", ID: "data"}
		for _, m := range v.Get("data").Members {
			data.Rows = append(data.Rows, row{Label: m.Name, Values: []shown{{Text: strings.Trim(string(base.AppendValue(nil, m.Value)), `"`)}}})
		}
		page.Groups = append(page.Groups, data)
	}
	return page
}

// historyShown is how many events a resource's page shows.
const historyShown = 20

// history gives the last events of a resource, newest first, and whether there
// are older ones. Each event names the one before it.
func (s *Server) history(last base.Position) (list []happening, older bool) {
	for at := last; at != 0; {
		if len(list) == historyShown {
			return list, true
		}
		e, err := s.eventAt(at)
		if err != nil { // compacted away: what is left is shown
			return list, true
		}
		h := happening{
			Position: at, Href: string(at.Ref()), Type: string(e.Payload.Type()),
			Time: e.Time.Std().Format("2006-01-02 15:04:05"), Actor: string(e.Actor), ActorHref: string(e.Actor),
		}
		if v, fault := base.ReadJSON(s.appendEvent(nil, e), base.Limits{}); fault == nil {
			h.Changed = summary(v.Get("data"))
		}
		list = append(list, h)
		at = e.Previous
	}
	return list, false
}

// summary says in a few words what an event changed.
func summary(data *base.Value) string {
	var words []string
	if changed := data.Get("changed"); changed != nil {
		for _, item := range changed.Items {
			words = append(words, strings.TrimPrefix(item.Text, "/"))
		}
	}
	if reason := data.Get("reason"); reason != nil {
		words = append(words, reason.Text)
	}
	return strings.Join(words, ", ")
}
