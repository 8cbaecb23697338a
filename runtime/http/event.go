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

// eventAt reads one event of the log. One that compaction dropped is Gone.
func (s *Server) eventAt(position base.Position) (*domain.Event, error) {
	b, err := s.batchAt(position)
	if err != nil {
		return nil, err
	}
	if b.Dropped {
		return nil, &base.Error{Code: base.Gone, Ref: position.Ref(), Detail: fmt.Sprintf("the event at position %d was superseded by a newer one and dropped", position)}
	}
	batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
	if err != nil {
		return nil, err
	}
	return batch.Events[position-base.Position(b.First)], nil
}

func (s *Server) batchAt(position base.Position) (eventlog.Batch, error) {
	b, err := s.events.ReadAt(uint64(position))
	if errors.Is(err, eventlog.ErrNotFound) {
		err = &base.Error{Code: base.NotFound, Ref: position.Ref(), Detail: fmt.Sprintf("there is no event at position %d", position)}
	}
	return b, err
}

// before is the event of its subject before one that was dropped.
func (s *Server) before(position base.Position) (base.Position, error) {
	b, err := s.batchAt(position)
	if err != nil {
		return 0, err
	}
	return state.PreviousLeft(b.Payload, int(position)-int(b.First))
}

// event answers GET /events/{position}: the event as a CloudEvent, as RDF, or
// as a page.
func (s *Server) event(w http.ResponseWriter, r *http.Request) error {
	position, err := strconv.ParseUint(r.PathValue("position"), 10, 64)
	if err != nil {
		return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("%q is no position", r.PathValue("position"))}
	}
	e, err := s.eventAt(base.Position(position))
	if err == nil && !s.door.MaySee(principalOf(r), e.Payload.Kind(), e.Subject) {
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

const (
	historyShown  = 20  // events that a resource's page shows
	historyPassed = 500 // dropped ones that it passes over to find them
)

// history gives the last events of a resource, newest first, and whether there
// are older ones. Each event names the one before it, dropped ones too.
func (s *Server) history(last base.Position) (list []happening, older bool) {
	passed := 0
	for at := last; at != 0; {
		if len(list) == historyShown || passed == historyPassed {
			return list, true
		}
		e, err := s.eventAt(at)
		var problem *base.Error
		if errors.As(err, &problem) && problem.Code == base.Gone {
			passed++
			at, err = s.before(at)
			if err == nil {
				continue
			}
		}
		if err != nil { // what can be read is shown
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
