package http

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/live"
	"github.com/picloud/picloud/runtime/sparql"
)

// liveConfig are the bounds of live queries. One run of them is a query like
// others.
func (s *Server) liveConfig() live.Config {
	cfg := s.cfg.Live
	cfg.Desk = s.desk
	if cfg.Limits == (sparql.Limits{}) {
		cfg.Limits = s.limits
	}
	return cfg
}

// wantsStream reports a query whose answer is to be kept up to date: its caller
// prefers text/event-stream to all that answers it once.
func wantsStream(r *http.Request) bool {
	if name := r.URL.Query().Get("format"); name != "" {
		return name == SSE.Name
	}
	f, ok := choose(r.Header["Accept"], slices.Concat(resultFormats, graphFormats, []Format{SSE}))
	return ok && f == SSE
}

// liveTarget is what live queries of an endpoint ask.
type liveTarget struct {
	source live.Source
	// position that the first rows must not lie before
	position base.Position
	// sight is what a principal may read of it now. An error ends the stream.
	sight func(p command.Principal) (live.Sight, error)
}

// streamQuery answers a query as a stream of server-sent events: first "rows",
// then a "change" for each commit that touched them, and "end" with a problem
// document when there is nothing more to come. Of ask there are the text and
// the graphs.
func (s *Server) streamQuery(w http.ResponseWriter, r *http.Request, ask live.Request, target liveTarget) error {
	principal := principalOf(r)
	sight, err := target.sight(principal)
	if err != nil {
		return err
	}
	header := w.Header()
	if r.Method == http.MethodHead {
		header.Set("Content-Type", SSE.Media)
		return nil
	}
	ask.Source, ask.Sight, ask.Caller = target.source, sight, principal.Actor
	ask.Base, ask.Endpoint = s.root+r.URL.Path, r.URL.Path
	ask.After, ask.AtLeast = r.Header.Get("Last-Event-ID"), target.position
	subscription, err := s.live.Subscribe(r.Context(), ask)
	if err != nil {
		return liveError(err)
	}
	defer subscription.Close()
	header.Set("Content-Type", SSE.Media)
	header.Set("X-Accel-Buffering", "no")
	following := liveStream{
		stream:       s.newStream(w, r, SSE),
		subscription: subscription, target: target, key: sight.Key(),
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.streams, cancel)()
	if err := following.run(ctx); err != nil && ctx.Err() == nil {
		s.log.Debug("live query ended", "request", requestID(r), "error", err)
	}
	return nil
}

// liveError is what ended a live query as clients are told it.
func liveError(err error) error {
	if failed := queryError(err); failed != nil {
		return failed
	}
	if errors.Is(err, live.ErrClosed) {
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "this node is stopping; ask again, here later or another node"}
	}
	return endedError(err)
}

// liveStream writes a live query to one client.
type liveStream struct {
	stream
	subscription *live.Subscription
	target       liveTarget
	key          string // of what the caller might read in the beginning
	buffer       []byte
}

// run writes events until the client leaves, the server ends, or there is
// nothing more to come, which is the last thing that it writes.
func (s *liveStream) run(ctx context.Context) error {
	if err := s.flush(nil); err != nil { // the client learns at once that it is connected
		return err
	}
	for {
		wait, cancel := context.WithTimeout(ctx, s.server.cfg.Times.Heartbeat)
		event, err := s.subscription.Next(wait)
		idle := err != nil && wait.Err() != nil
		cancel()
		if ctx.Err() != nil {
			return nil
		}
		if refused := s.welcome(); refused != nil {
			return s.end(refused)
		}
		switch {
		case err == nil:
			err = s.flush(s.append(s.buffer[:0], event))
		case idle:
			err = s.beat()
		default:
			return s.end(liveError(err))
		}
		if err != nil {
			return err
		}
	}
}

// welcome asks whether the caller may still read what it might in the
// beginning: a token may be revoked, and expire, while its stream goes on.
func (s *liveStream) welcome() error {
	principal, err := s.principal()
	if err != nil {
		return err
	}
	sight, err := s.target.sight(principal)
	if err == nil && sight.Key() != s.key {
		err = &base.Error{Code: base.Forbidden, Detail: "what you may read is not what it was when the query began; ask again"}
	}
	return err
}

func (s *liveStream) end(err error) error {
	p, _ := s.server.problemOf(s.request, err)
	return s.flush(append(append([]byte("event: end\ndata: "), p.json()...), "\n\n"...))
}

// append appends an event with the members that suit the form of the query.
func (s *liveStream) append(b []byte, e live.Event) []byte {
	b = append(append(b, "id: "...), e.ID...)
	if e.Whole {
		b = append(b, "\nevent: rows\ndata: {\"position\":"...)
	} else {
		b = append(b, "\nevent: change\ndata: {\"position\":"...)
	}
	b = strconv.AppendUint(b, uint64(e.Position), 10)
	if e.Reset {
		b = append(b, `,"reset":true`...)
	}
	switch form := s.subscription.Form; {
	case form == sparql.Ask && e.Whole:
		b = append(append(b, `,"head":{},"boolean":`...), e.Rows[0]...)
	case form == sparql.Ask:
		b = append(append(b, `,"boolean":`...), e.Added[0]...)
	case form == sparql.Select && e.Whole:
		b = append(b, `,"head":{"vars":[`...)
		for i, name := range s.subscription.Vars {
			if i > 0 {
				b = append(b, ',')
			}
			b = base.AppendString(b, name)
		}
		b = append(appendRows(append(b, `]},"results":{"bindings":`...), form, e.Rows), '}')
	case e.Whole:
		b = appendRows(append(b, `,"quads":`...), form, e.Rows)
	default:
		b = appendRows(append(b, `,"removed":`...), form, e.Removed)
		b = appendRows(append(b, `,"added":`...), form, e.Added)
	}
	s.buffer = append(b, "}\n\n"...)
	return s.buffer
}

// appendRows appends rows as an array of JSON: bindings as they are, lines of
// N-Quads as strings.
func appendRows(b []byte, form sparql.Form, rows []string) []byte {
	b = append(b, '[')
	for i, row := range rows {
		if i > 0 {
			b = append(b, ',')
		}
		if form == sparql.Select {
			b = append(b, row...)
		} else {
			b = base.AppendString(b, row)
		}
	}
	return append(b, ']')
}
