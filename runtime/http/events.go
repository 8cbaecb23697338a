package http

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/state"
)

// The formats of the event stream.
var (
	NDJSON = Format{"ndjson", "application/x-ndjson"}
	SSE    = Format{"sse", "text/event-stream"}
)

// stall is how long a client may take to read what was written to it.
const stall = 30 * time.Second

// eventFilter says which events a stream carries. Empty fields let all pass.
type eventFilter struct {
	types       []string // an event type or one it specialises
	subject     base.Ref // and its fragments' resource
	product     base.Ref // the product itself and all that belongs to it
	correlation string
}

func (s *Server) parseFilter(query url.Values) (f eventFilter) {
	for _, list := range query["type"] {
		f.types = append(f.types, strings.Split(list, ",")...)
	}
	f.subject = base.Ref(strings.TrimPrefix(query.Get("subject"), s.root))
	if product := query.Get("product"); product != "" {
		f.product = base.Ref("/products/" + strings.TrimPrefix(strings.TrimPrefix(product, s.root), "/products/"))
	}
	f.correlation = query.Get("correlation")
	return f
}

// known refuses a type that no event has or specialises: its stream would stay
// silent for ever.
func (f *eventFilter) known() error {
	if len(f.types) == 0 {
		return nil
	}
	types := map[string]bool{}
	for _, class := range schema.Model.Classes {
		for _, t := range domain.EventTypes(domain.Kind(class.Word)) {
			types[string(t)] = true
			for _, super := range domain.Supertypes(t) {
				types[super] = true
			}
		}
	}
	for _, t := range f.types {
		if types[t] {
			continue
		}
		detail := fmt.Sprintf("there is no type of event %q", t)
		if near := base.Nearest(t, slices.Sorted(maps.Keys(types))); near != "" {
			detail += fmt.Sprintf("; did you mean %q?", near)
		}
		return &base.Error{Code: base.Unparsable, Detail: detail}
	}
	return nil
}

func (f *eventFilter) passes(e *domain.Event) bool {
	if f.subject != "" && e.Subject != f.subject ||
		f.product != "" && e.Subject != f.product && e.Subject.Product() != f.product ||
		f.correlation != "" && e.Correlation != f.correlation {
		return false
	}
	if len(f.types) == 0 {
		return true
	}
	is := e.Payload.Type()
	return slices.Contains(f.types, string(is)) ||
		slices.ContainsFunc(domain.Supertypes(is), func(super string) bool { return slices.Contains(f.types, super) })
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
	s.follow(w, r, format, filter, after)
	return nil
}

// follow writes events until the client leaves or the server ends.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, format Format, filter eventFilter, after base.Position) {
	stream := eventStream{
		server: s, request: r, out: http.NewResponseController(w), w: w, format: format,
		filter: filter,
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.streams, cancel)()
	err := stream.run(ctx, after, r.URL.Query().Get("follow") != "false")
	if err != nil && ctx.Err() == nil {
		s.log.Debug("event stream ended", "request", requestID(r), "error", err)
	}
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

// eventStream writes events to one client.
type eventStream struct {
	server  *Server
	request *http.Request
	out     *http.ResponseController
	w       http.ResponseWriter
	format  Format
	filter  eventFilter
	buffer  []byte
}

// run walks the log from after a position. Following, it ends with the context
// only; else at the present end of the log.
func (s *eventStream) run(ctx context.Context, after base.Position, follow bool) error {
	if !follow {
		for batch, err := range s.server.events.Read(uint64(after)) {
			if err == nil {
				err = s.batch(batch, after)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := s.flush(nil); err != nil { // the client learns at once that it is connected
		return err
	}
	reader := s.server.events.Reader(uint64(after))
	for {
		wait, cancel := context.WithTimeout(ctx, s.server.cfg.Times.Heartbeat)
		batch, err := reader.Next(wait)
		cancel()
		switch {
		case err == nil:
			err = s.burst(reader, batch, after)
		case ctx.Err() != nil || errors.Is(err, eventlog.ErrClosed):
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			err = s.beat()
		}
		if err != nil {
			return err
		}
	}
}

func (s *eventStream) beat() error {
	if s.format == SSE {
		return s.flush([]byte(":\n\n"))
	}
	return s.flush([]byte("\n"))
}

// burstBytes is how much is gathered before it is sent, unless one batch is
// larger, and burstBatches how many are looked through for it.
const (
	burstBytes   = 64 << 10
	burstBatches = 256
)

// burst writes a batch and those that are there already behind it at once: a
// stream that lags behind catches up with few records and writes.
func (s *eventStream) burst(reader *eventlog.Reader, b eventlog.Batch, after base.Position) error {
	now, cancel := context.WithCancel(s.request.Context())
	cancel() // nothing is waited for
	s.buffer = s.buffer[:0]
	for n := 1; ; n++ {
		if err := s.gather(b, after); err != nil {
			return err
		}
		if len(s.buffer) >= burstBytes || n == burstBatches {
			break
		}
		var err error
		if b, err = reader.Next(now); err != nil {
			break // whoever reads next meets what is more than the end
		}
	}
	return s.send()
}

// batch writes the events of a batch that come after a position and pass.
func (s *eventStream) batch(b eventlog.Batch, after base.Position) error {
	s.buffer = s.buffer[:0]
	if err := s.gather(b, after); err != nil {
		return err
	}
	return s.send()
}

// gather takes the events of a batch that come after a position and pass.
func (s *eventStream) gather(b eventlog.Batch, after base.Position) error {
	if b.Dropped { // superseded: what it said comes later
		return nil
	}
	batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
	if err != nil {
		return err
	}
	// a token may be revoked, and expire, while its stream goes on
	principal, err := s.server.authenticate(s.request)
	if err != nil {
		return err
	}
	for _, e := range batch.Events {
		if e.Position <= after || !s.filter.passes(e) || !s.server.door.MaySee(principal, e) {
			continue
		}
		if s.format == SSE {
			s.buffer = fmt.Appendf(s.buffer, "id: %d\nevent: %s\ndata: ", e.Position, e.Payload.Type())
		}
		s.buffer = append(s.server.appendEvent(s.buffer, e), '\n')
		if s.format == SSE {
			s.buffer = append(s.buffer, '\n')
		}
	}
	return nil
}

// send writes what was gathered.
func (s *eventStream) send() error {
	if len(s.buffer) == 0 {
		return nil
	}
	return s.flush(s.buffer)
}

// flush sends bytes on their way; a client that does not read loses its stream.
func (s *eventStream) flush(b []byte) error {
	if err := s.out.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return err
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.out.Flush()
}

// appendEvent appends an event as a CloudEvent.
func (s *Server) appendEvent(b []byte, e *domain.Event) []byte {
	encoder := base.Encoder{Buffer: b, Root: s.root, Source: s.source}
	codec.AppendEvent(&encoder, e)
	return encoder.Buffer
}
