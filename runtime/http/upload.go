package http

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// uploads is how many graphs are taken in at the same time: each body is kept
// whole.
const uploads = 8

// fairGate lets a bounded number in, and half of it of one caller, so that who
// sends without end leaves room for others.
type fairGate struct {
	most int

	mu     sync.Mutex
	all    int
	inside map[base.Ref]int
}

func newFairGate(most int) *fairGate { return &fairGate{most: most, inside: map[base.Ref]int{}} }

// enter takes a place, until leave. The error says why there is none.
func (g *fairGate) enter(caller base.Ref) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.all == g.most:
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "too many graphs are sent at the same time; try again"}
	case g.inside[caller] == g.most/2:
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: fmt.Sprintf("you send %d graphs already, which is the most for one caller; try again when one of them is done", g.most/2)}
	}
	g.all++
	g.inside[caller]++
	return nil
}

func (g *fairGate) leave(caller base.Ref) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if g.inside[caller]--; g.inside[caller] == 0 {
		delete(g.inside, caller)
	}
}

// flowing is a body that ends in an error once nothing of it comes for a while,
// so that who stops sending keeps no place.
type flowing struct {
	io.ReadCloser
	connection *http.ResponseController
	pause      time.Duration
	end        time.Time // when it must be read whole, as of every request
	failed     error
}

func (s *Server) flowing(w http.ResponseWriter, r *http.Request) io.ReadCloser {
	return &flowing{ReadCloser: r.Body, connection: http.NewResponseController(w), pause: s.cfg.Times.Pause, end: time.Now().Add(s.cfg.Times.Body)}
}

func (f *flowing) Read(p []byte) (int, error) {
	if f.failed != nil {
		return 0, f.failed
	}
	next := time.Now().Add(f.pause)
	if next.After(f.end) {
		next = f.end
	}
	_ = f.connection.SetReadDeadline(next) // without it the end of all requests holds
	n, err := f.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	f.failed = err
	switch {
	case errors.Is(err, io.EOF):
		// What is watched from here on is whether the client is still there.
		_ = f.connection.SetReadDeadline(f.end)
	case errors.Is(err, os.ErrDeadlineExceeded) && next.Before(f.end):
		// The deadline stays: the server would wait for the rest before it answers.
		f.failed = fmt.Errorf("nothing of it came for %s", f.pause)
	}
	return n, f.failed
}
