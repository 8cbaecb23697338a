package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// Event is one event as CloudEvents 1.0 in JSON.
type Event struct {
	ID          string          `json:"id"` // the position as text
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject"`
	Time        time.Time       `json:"time"`
	Schema      string          `json:"dataschema"`
	Actor       string          `json:"actor"`
	Correlation string          `json:"correlationid"`
	Causation   string          `json:"causationid"`
	Deployment  string          `json:"deployment"`
	Trace       string          `json:"traceparent"`
	Data        json.RawMessage `json:"data"`

	Position base.Position `json:"-"`
	Line     []byte        `json:"-"` // as received
}

// EventFilter chooses events; empty fields choose all.
type EventFilter struct {
	Types       []string // event types or those above them: "ResourceDeclared"
	Subject     string   // IRI
	Product     string   // name
	Correlation string
}

func (f EventFilter) query() url.Values {
	query := url.Values{}
	for _, t := range f.Types {
		query.Add("type", t)
	}
	for name, value := range map[string]string{"subject": f.Subject, "product": f.Product, "correlation": f.Correlation} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

const (
	maxEvent   = 32 << 20 // bytes of one line
	maxSilence = 45 * time.Second
)

// Events yields events after a position in the order of the log. With follow it
// goes on until ctx ends, and after a lost connection resumes behind the last
// event that it gave: none is repeated, none missed. Without follow it ends
// with the log. An error that a repetition cannot mend is the last thing
// yielded.
func (c *Client) Events(ctx context.Context, after base.Position, follow bool, filter EventFilter) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		wait := time.Duration(0)
		for {
			before := after
			err := c.follow(ctx, &after, follow, filter, yield)
			if err == errStopped || ctx.Err() != nil || err == nil && !follow {
				return
			}
			var failed *base.Error
			if errors.As(err, &failed) && !failed.Repeatable() {
				yield(nil, err)
				return
			}
			if after > before {
				wait = 0
			}
			if wait = backOff(wait, failed); !pause(ctx, wait) {
				return
			}
		}
	}
}

// backOff is how long to wait before a stream is opened again, after a wait
// that did not help.
func backOff(wait time.Duration, failed *base.Error) time.Duration {
	wait = min(2*wait+100*time.Millisecond, 5*time.Second)
	if failed != nil {
		wait = max(wait, time.Duration(failed.RetryAfter)*time.Second)
	}
	return wait
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errStopped = errors.New("the consumer has enough")

// follow reads one connection's worth of events and moves after with each.
func (c *Client) follow(ctx context.Context, after *base.Position, follow bool, filter EventFilter, yield func(*Event, error) bool) error {
	query := filter.query()
	query.Set("after", after.String())
	query.Set("follow", strconv.FormatBool(follow))
	response, err := c.open(ctx, &Request{Method: http.MethodGet, Path: "/events", Query: query, Accept: "application/x-ndjson"})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	// a connection that says nothing for three heartbeats is dead
	silence := time.AfterFunc(maxSilence, func() { response.Body.Close() })
	defer silence.Stop()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	lines.Split(wholeLines)
	for lines.Scan() {
		silence.Reset(maxSilence)
		if len(lines.Bytes()) == 0 { // heartbeat
			continue
		}
		e := &Event{Line: append([]byte(nil), lines.Bytes()...)}
		if err := json.Unmarshal(e.Line, e); err != nil {
			return &base.Error{Code: base.Internal, Detail: fmt.Sprintf("the stream sent a line that is no event: %v", err)}
		}
		position, err := strconv.ParseUint(e.ID, 10, 64)
		if err != nil {
			return &base.Error{Code: base.Internal, Detail: fmt.Sprintf("the stream sent an event with the id %q", e.ID)}
		}
		e.Position = base.Position(position)
		if e.Position <= *after {
			continue
		}
		if !yield(e, nil) {
			return errStopped
		}
		*after = e.Position
	}
	return lines.Err()
}

// wholeLines splits a stream into lines. What a lost connection leaves behind
// the last line feed is the beginning of an event, not an event.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF {
		return len(data), nil, nil
	}
	return 0, nil, nil
}
