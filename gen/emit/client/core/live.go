package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// LiveEvent is one event of a live query: all its rows, or what changed of them.
type LiveEvent struct {
	Position base.Position `json:"position"`
	// Reset says that the rows stand in the place of those before: what was
	// missed is not known.
	Reset bool `json:"reset"`
	Head  struct {
		Vars []string `json:"vars"`
	} `json:"head"`
	Results struct {
		Bindings []json.RawMessage `json:"bindings"` // of SELECT
	} `json:"results"`
	Boolean *bool    `json:"boolean"` // of ASK
	Quads   []string `json:"quads"`   // of CONSTRUCT and DESCRIBE: lines of N-Quads
	// Removed and Added are bindings, or lines of N-Quads as strings.
	Removed []json.RawMessage `json:"removed"`
	Added   []json.RawMessage `json:"added"`

	Whole bool   `json:"-"` // the rows are all there are
	ID    string `json:"-"`
	Data  []byte `json:"-"` // as received
}

// longQuery is from which length on a query is sent in a body, in bytes.
const longQuery = 4 << 10

// Watch asks a query at the endpoint of a path ("/sparql"), and yields its rows
// and then each change of them, until ctx ends. After a lost connection it
// resumes behind the last event. An error that a repetition cannot mend is the
// last thing yielded.
func (c *Client) Watch(ctx context.Context, path, query string) iter.Seq2[*LiveEvent, error] {
	return func(yield func(*LiveEvent, error) bool) {
		request := Request{Method: http.MethodGet, Path: path, Accept: "text/event-stream", Query: url.Values{"query": {query}}}
		if len(query) > longQuery {
			request = Request{Method: http.MethodPost, Path: path, Accept: request.Accept, ContentType: "application/sparql-query", Body: []byte(query)}
		}
		wait := time.Duration(0)
		for {
			before := request.After
			err := c.watch(ctx, &request, yield)
			if err == errStopped || ctx.Err() != nil {
				return
			}
			var failed *base.Error
			if errors.As(err, &failed) && !failed.Repeatable() && failed.Code != base.Uncertain {
				yield(nil, err)
				return
			}
			if request.After != before {
				wait = 0
			}
			if wait = backOff(wait, failed); !pause(ctx, wait) {
				return
			}
		}
	}
}

// watch reads one connection's worth of events and notes the last one in the
// request.
func (c *Client) watch(ctx context.Context, request *Request, yield func(*LiveEvent, error) bool) error {
	response, err := c.open(ctx, request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	silence := time.AfterFunc(maxSilence, func() { response.Body.Close() })
	defer silence.Stop()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 64<<10), maxEvent)
	lines.Split(wholeLines)
	var event, id string
	var data []byte
	for lines.Scan() {
		silence.Reset(maxSilence)
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			event = value
		case "id":
			id = value
		case "data":
			data = []byte(value)
		case "":
			if len(lines.Bytes()) > 0 || event == "" { // a heartbeat
				continue
			}
			if event == "end" {
				return problem(response, data)
			}
			e := &LiveEvent{Whole: event == "rows", ID: id, Data: data}
			if err := json.Unmarshal(data, e); err != nil {
				return &base.Error{Code: base.Internal, Detail: fmt.Sprintf("the stream sent data that is no event: %v", err)}
			}
			if !yield(e, nil) {
				return errStopped
			}
			request.After, event, data = id, "", nil
		}
	}
	return lines.Err()
}
