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
func (s *Server) event(w http.ResponseWriter, r *http.Request) error {
	position, err := strconv.ParseUint(r.PathValue("position"), 10, 64)
	if err != nil {
		return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("%q is no position", r.PathValue("position"))}
	}
	e, err := s.eventAt(base.Position(position))
	if err == nil && !s.door.MaySee(principalOf(r), e) {
		err = &base.Error{Code: base.NotFound, Ref: base.Position(position).Ref(), Detail: fmt.Sprintf("there is no event at position %d", position)}
	}
	if err != nil {
		return err
	}
	format, err := chosen(r, resourceFormats)
	if err != nil {
		return err
	}
	switch format {
	case HTML:
		s.page(w, r, http.StatusOK, "event", s.eventPage(e))
	case JSON:
		s.send(w, r, Format{JSON.Name, "application/cloudevents+json"}, etag(e.Position, e.Position, format), append(s.appendEvent(nil, e), '\n'))
	default:
		q := base.QuadWriter{Root: s.root}
		quads.AppendEvent(&q, e)
		body, err := s.serialise(q.Quads, format, e.Position.Ref().Absolute(s.root))
		if err != nil {
			return err
		}
		s.send(w, r, format, etag(e.Position, e.Position, format), body)
	}
	return nil
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
			Position: at, Href: string(at.Ref()), Type: words(string(e.Payload.Type())), Time: moment(e.Time.String()), Actor: tree{}.ref(string(e.Actor)),
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
	var parts []string
	if changed := data.Get("changed"); changed != nil {
		for _, item := range changed.Items {
			parts = append(parts, words(strings.TrimPrefix(item.Text, "/")))
		}
	}
	if reason := data.Get("reason"); reason != nil {
		parts = append(parts, reason.Text)
	}
	return strings.Join(parts, ", ")
}
