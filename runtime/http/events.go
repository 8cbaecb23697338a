package http

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/http/feed"
)

// The formats of the event stream.
var (
	NDJSON = Format{"ndjson", "application/x-ndjson"}
	SSE    = Format{"sse", "text/event-stream"}
)

// eventFilter says which events a stream carries. Empty fields let all pass.
type eventFilter struct {
	asked       []string                  // types as they were asked for: of events, or ones that those specialise
	types       map[domain.EventType]bool // that these are, once known has looked
	subject     base.Ref                  // and its fragments' resource
	product     base.Ref                  // the product itself and all that belongs to it
	correlation string
}

func (s *Server) parseFilter(query url.Values) (f eventFilter) {
	for _, list := range query["type"] {
		f.asked = append(f.asked, strings.Split(list, ",")...)
	}
	f.subject = base.Ref(strings.TrimPrefix(query.Get("subject"), s.root))
	if product := query.Get("product"); product != "" {
		f.product = base.Ref("/products/" + strings.TrimPrefix(strings.TrimPrefix(product, s.root), "/products/"))
	}
	f.correlation = query.Get("correlation")
	return f
}

// known finds the types of events that were asked for, and refuses one that no
// event has or specialises: its stream would stay silent for ever.
func (f *eventFilter) known() error {
	if len(f.asked) == 0 {
		return nil
	}
	types := map[string][]domain.EventType{}
	for _, class := range schema.Model.Classes {
		for _, t := range domain.EventTypes(domain.Kind(class.Word)) {
			types[string(t)] = append(types[string(t)], t)
			for _, super := range domain.Supertypes(t) {
				types[super] = append(types[super], t)
			}
		}
	}
	f.types = map[domain.EventType]bool{}
	for _, name := range f.asked {
		if types[name] == nil {
			detail := fmt.Sprintf("there is no type of event %q", name)
			if near := base.Nearest(name, slices.Sorted(maps.Keys(types))); near != "" {
				detail += fmt.Sprintf("; did you mean %q?", near)
			}
			return &base.Error{Code: base.Unparsable, Detail: detail}
		}
		for _, t := range types[name] {
			f.types[t] = true
		}
	}
	return nil
}

func (f *eventFilter) passes(e *feed.Event) bool {
	return (f.subject == "" || e.Subject == f.subject) &&
		(f.product == "" || e.Subject == f.product || e.Subject.Product() == f.product) &&
		(f.correlation == "" || e.Correlation == f.correlation) &&
		(f.types == nil || f.types[e.Type])
}

var streamFormats = []Format{NDJSON, SSE}

// streamEvents answers GET /events: the log as a stream of CloudEvents, from
// after a position on, until the client leaves.
func (s *Server) streamEvents(w http.ResponseWriter, r *http.Request) error {
	format, ok := preferred(r, streamFormats)
	if !ok {
		return &base.Error{Code: base.NotAcceptable, Detail: "events are served as " + mediaTypes(streamFormats)}
	}
	after, err := s.streamStart(r)
	if err != nil {
		return err
	}
	filter := s.parseFilter(r.URL.Query())
	if err := filter.known(); err != nil {
		return err
	}
	if !s.follows.enter() {
		return &base.Error{Code: base.Unavailable, RetryAfter: 5, Detail: fmt.Sprintf("%d clients follow the events already; try again later", cap(s.follows))}
	}
	defer s.follows.leave()
	header := w.Header()
	header.Set("Content-Type", format.Media)
	header.Set("Cache-Control", "no-store")
	header.Add("Vary", "Accept")
	header.Set("X-Accel-Buffering", "no")
	header.Set("Picloud-Position", after.String())
	if r.Method == http.MethodHead {
		return nil
	}
	listen := r.URL.Query().Get("follow") != "false"
	if listen && r.ProtoMajor == 1 {
		// its end says nothing anyway, and a burst that is no chunk is one record
		header.Set("Transfer-Encoding", "identity")
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.streams, cancel)()
	l := &listener{stream: s.newStream(w, r, format), filter: filter}
	if listen {
		err = l.follow(ctx, after)
	} else {
		err = l.replay(ctx, after)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Debug("event stream ended", "request", requestID(r), "error", err)
	}
	return nil
}

// streamStart is the position after which a stream begins: Last-Event-ID, else
// ?after=, else now.
func (s *Server) streamStart(r *http.Request) (base.Position, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	now := s.views.State().Position
	if text == "" {
		return now, nil
	}
	after, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("%q is no position; positions are whole numbers, 0 is before the first event", text)}
	}
	return base.Position(after), nil
}

// seen is what reads show now, for the feed of events.
func (s *Server) seen() (base.Position, <-chan struct{}) {
	now, later := s.views.Changed()
	return now.Position, later
}

// appendEvent appends an event as a CloudEvent.
func (s *Server) appendEvent(b []byte, e *domain.Event) []byte {
	encoder := base.Encoder{Buffer: b, Root: s.root, Source: s.source}
	codec.AppendEvent(&encoder, e)
	return encoder.Buffer
}
