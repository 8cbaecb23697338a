//go:build linux

package torture_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	requestTime = 5 * time.Second  // until a client gives up on an answer
	generation  = 15 * time.Second // that a set of registers is used; so the histories stay short
	registers   = 5                // of a generation
	kept        = 100              // resources of one client, then the oldest is deleted
	rest        = 10 * ms          // of a client between two requests
)

// record is what all clients saw.
type record struct {
	began time.Time

	mu       sync.Mutex
	requests []request
	statuses map[int]int
	wrong    []string // answers that no fault excuses
}

func (r *record) now() time.Duration { return time.Since(r.began) }

func (r *record) add(q request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, q)
}

// answered counts an answer. Whatever is broken, nobody is told that it may not
// do what it may, or that it asks what makes no sense, and nobody meets a bug.
func (r *record) answered(m *machine, a reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statuses[a.status]++
	if a.status >= 400 && !slices.Contains(excused, a.status) && len(r.wrong) < 10 {
		r.wrong = append(r.wrong, fmt.Sprintf("%s: %s answered %d %s", r.now().Round(ms), m.name, a.status, a.body))
	}
}

// excused are the statuses of what is not there, and of clusters in need.
var excused = []int{
	http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusInsufficientStorage,
}

// acknowledged is the first acknowledged write that was asked for after a time,
// or 0.
func (r *record) acknowledged(after time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.requests) - 1; i >= 0 && r.requests[i].returned > after; i-- {
		if q := r.requests[i]; q.action == write && q.outcome == done && q.called > after {
			return q.returned
		}
	}
	return 0
}

// worker is one client. It writes unique values, so that each can be found.
type worker struct {
	*cluster
	*record
	number int
	only   *machine // that it asks; nil for all in turn
	chance *rand.Rand
	count  int
	own    []string // resources that it made and has not deleted
}

func (w *worker) value() string {
	w.count++
	return fmt.Sprintf("v%d-%d", w.number, w.count)
}

// work asks until the context ends.
func (w *worker) work(ctx context.Context) {
	for ctx.Err() == nil {
		register := fmt.Sprintf("/products/torture/config/r%d-%d", w.now()/generation, w.chance.IntN(registers))
		switch p := w.chance.IntN(10); {
		case p < 4:
			w.read(ctx, register)
		case p < 8:
			w.write(ctx, register, w.value())
		default:
			w.make(ctx)
		}
		pause(ctx, rest)
	}
}

// make makes a resource of its own that is never written again.
func (w *worker) make(ctx context.Context) {
	value := w.value()
	ref := "/products/torture/flags/" + value
	w.write(ctx, ref, value)
	if w.own = append(w.own, ref); len(w.own) > kept {
		header := map[string]string{"Idempotency-Key": "delete " + w.own[0]}
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		m := w.anybody()
		r, _ := w.send(ctx, m, "DELETE", w.own[0], "", header)
		w.answered(m, r)
		w.own = w.own[1:]
	}
}

func (w *worker) anybody() *machine {
	if w.only != nil {
		return w.only
	}
	return w.machines[w.chance.IntN(len(w.machines))]
}

// write writes, and asks again under the same key while it does not know:
// half of the times, as not every client does.
func (w *worker) write(ctx context.Context, key, value string) {
	q := request{client: w.number, action: write, key: key, value: value, called: w.now()}
	header := map[string]string{"Idempotency-Key": value, "Prefer": "return=minimal"}
	body := fmt.Sprintf(`{"description":%q}`, value)
	tries := 1 + 7*w.chance.IntN(2)
	for q.tries = 1; ; q.tries++ {
		m := w.anybody()
		try, cancel := context.WithTimeout(ctx, requestTime)
		r, err := w.send(try, m, "PUT", key, body, header)
		cancel()
		w.answered(m, r)
		q.node, q.status, q.position, q.explained = m.name, r.status, r.position, r.body
		if err != nil {
			q.explained = err.Error()
		}
		switch {
		case r.status >= 200 && r.status < 300:
			q.outcome = done
		case r.status == 0 || r.status >= 500 && r.status != http.StatusServiceUnavailable && r.status != http.StatusInsufficientStorage:
			q.outcome = unknown
		case q.tries == 1 || q.outcome == refused:
			q.outcome = refused // and what was unknown before stays so
		}
		if q.outcome == done || q.tries >= tries || ctx.Err() != nil {
			break
		}
		pause(ctx, time.Duration(20+w.chance.IntN(200))*ms)
	}
	q.returned = w.now()
	w.add(q)
}

// read reads a register with all that was acknowledged before.
func (w *worker) read(ctx context.Context, key string) {
	q := request{client: w.number, action: read, key: key, called: w.now(), tries: 1}
	m := w.anybody()
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	r, err := w.send(ctx, m, "GET", key, "", map[string]string{"Picloud-Consistency": "linearizable"})
	w.answered(m, r)
	q.returned, q.node, q.status, q.position = w.now(), m.name, r.status, r.position
	var is struct{ Description string }
	switch {
	case err == nil && r.status == http.StatusNotFound:
		q.outcome = done
	case err == nil && r.status == http.StatusOK && json.Unmarshal([]byte(r.body), &is) == nil:
		q.outcome, q.value = done, is.Description
	}
	w.add(q)
}

// follower follows the events from node to node.
type follower struct {
	*cluster
	*record
	chance *rand.Rand
	seen   []entry
	moves  int
}

func (f *follower) follow(ctx context.Context, after uint64) {
	for ctx.Err() == nil {
		m := f.machines[f.chance.IntN(len(f.machines))]
		// It moves on after a while, that it may stand somewhere else.
		some, cancel := context.WithTimeout(ctx, time.Duration(1+f.chance.IntN(10))*time.Second)
		_ = f.events(some, m, after, true, func(e entry) {
			f.seen = append(f.seen, e)
			after = e.position
		})
		cancel()
		f.moves++
		pause(ctx, 100*ms)
	}
}

// events reads the events of a node after a position, those that set a value.
func (c *cluster) events(ctx context.Context, m *machine, after uint64, follow bool, take func(entry)) error {
	path := fmt.Sprintf("https://%s/events?after=%d&follow=%t&product=torture", c.domain, after, follow)
	request, err := http.NewRequestWithContext(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "application/x-ndjson")
	response, err := c.clients[m].Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: events: %s", m.name, response.Status)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, replyBytes)
	for lines.Scan() {
		if e, ok := entryOf(lines.Bytes()); ok {
			take(e)
		}
	}
	return lines.Err()
}

// entryOf reads an event that set a value.
func entryOf(line []byte) (entry, bool) {
	var event struct {
		ID, Type, Subject string
		Data              struct{ Description string }
	}
	if json.Unmarshal(line, &event) != nil || !strings.HasSuffix(event.Type, "Declared") && !strings.HasSuffix(event.Type, "Changed") {
		return entry{}, false
	}
	_, path, _ := strings.Cut(event.Subject, "/products/")
	e := entry{key: "/products/" + path, value: event.Data.Description}
	_, err := fmt.Sscan(event.ID, &e.position)
	return e, err == nil && strings.HasPrefix(e.value, "v")
}
