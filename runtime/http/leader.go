package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// PositionPath is where members ask the leader how far the log is.
const PositionPath = "/peer/position"

// leaderPoll is how often a leader is looked for while there is none.
const leaderPoll = 10 * time.Millisecond

// awaitLeader is the ID of the leader's node, "" if it is this one. It waits as
// long as is sensible for who began to.
func (s *Server) awaitLeader(ctx context.Context, began time.Time) (string, error) {
	poll := time.NewTicker(leaderPoll)
	defer poll.Stop()
	for {
		leadership, _ := s.cfg.Consensus.Leadership()
		raftID, leader := s.cfg.Consensus.Leader()
		switch {
		case leadership.Leading:
			return "", nil
		case leader != "" && raftID != s.cfg.Consensus.RaftID(): // else this node is about to lead
			return leader, nil
		}
		if time.Now().After(s.patience(began)) {
			return "", errNoLeader
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// leaderSeen reports whether writes have somewhere to go.
func (s *Server) leaderSeen() bool {
	if s.cfg.Consensus == nil {
		return true
	}
	leadership, _ := s.cfg.Consensus.Leadership()
	raftID, _ := s.cfg.Consensus.Leader()
	return leadership.Leading || raftID != "" && raftID != s.cfg.Consensus.RaftID()
}

// least is the position that a read must not lie before, or 0:
// Picloud-Min-Position names one; Picloud-Consistency: linearizable means all
// that was answered to anybody before the read came; who continues a stream has
// seen its last event.
func (s *Server) least(r *http.Request) (least base.Position, err error) {
	header := r.Header
	if text := header.Get("Picloud-Min-Position"); text != "" {
		position, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return 0, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("Picloud-Min-Position: %q is no position", text)}
		}
		least = base.Position(position)
	}
	switch text := header.Get("Picloud-Consistency"); text {
	case "":
	case "linearizable":
		latest, err := s.Latest(r.Context())
		if err != nil {
			return 0, s.noLeader("ask without Picloud-Consistency for what this node has")
		}
		least = max(least, latest)
	default:
		return 0, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf("Picloud-Consistency: %q is not known; it is linearizable, or left out", text)}
	}
	if seen, ok := seenLast(r); ok {
		// what was never reached here is of another history: the stream begins anew
		if _, err := s.waitFor(r, seen); err == nil {
			least = max(least, seen)
		}
	}
	return least, nil
}

// asksPosition reports a read that must not lie before some position.
func asksPosition(r *http.Request) bool {
	_, seen := seenLast(r)
	return seen || r.Header.Get("Picloud-Min-Position") != "" || r.Header.Get("Picloud-Consistency") != ""
}

// seenLast is the position of the last event that the client of a live query
// has seen, here or on another node.
func seenLast(r *http.Request) (base.Position, bool) {
	id := r.Header.Get("Last-Event-ID")
	if id == "" || !wantsStream(r) {
		return 0, false
	}
	text, _, _ := strings.Cut(id, ".")
	position, err := strconv.ParseUint(text, 10, 64)
	return base.Position(position), err == nil
}

// Latest is a position at or after all that was answered to anybody before the
// call.
func (s *Server) Latest(ctx context.Context) (base.Position, error) {
	if s.cfg.Consensus == nil {
		return s.views.State().Position, nil
	}
	if leadership, _ := s.cfg.Consensus.Leadership(); leadership.Leading {
		if position, err := s.confirmed(ctx); err == nil {
			return position, nil
		}
	}
	return s.asked.join(ctx)
}

// confirmed is a position of this node's view at or after all that any node has
// shown before the call, if this node leads.
func (s *Server) confirmed(ctx context.Context) (base.Position, error) {
	before, _ := s.cfg.Consensus.Leadership()
	if !before.Leading {
		return 0, errNotLeading
	}
	if err := s.cfg.Consensus.ReadBarrier(ctx, before.Term); err != nil {
		return 0, errNotLeading
	}
	position := s.views.State().Position
	if now, _ := s.cfg.Consensus.Leadership(); now != before {
		return 0, errNotLeading
	}
	return position, nil
}

// leaderPosition answers members: where the log stands, as the leader knows.
type leaderPosition struct {
	Position base.Position `json:"position"`
}

// LatestPosition answers members at PositionPath.
func (s *Server) LatestPosition() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		position, err := s.confirmed(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		say(w, http.StatusOK, JSON.Media, leaderPosition{position})
	})
}

// askLeader asks for the leader's position until there is an answer.
func (s *Server) askLeader(ctx context.Context) (base.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, leaderTime)
	defer cancel()
	for began := time.Now(); ; {
		leader, err := s.awaitLeader(ctx, began)
		if err != nil {
			return 0, errUnconfirmed
		}
		var position base.Position
		if leader == "" {
			position, err = s.confirmed(ctx)
		} else {
			position, err = s.askMember(ctx, leader)
		}
		if err == nil {
			return position, nil
		}
		if time.Now().After(s.patience(began)) {
			return 0, errUnconfirmed
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return 0, errUnconfirmed
		}
	}
}

// errUnconfirmed is not told as it is: see least.
var errUnconfirmed = &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "no leader says what the latest position is; ask without Picloud-Consistency for what this node has"}

func (s *Server) askMember(ctx context.Context, id string) (base.Position, error) {
	ctx, end := context.WithTimeout(ctx, time.Second) // one without power says nothing
	defer end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer s.giveUpWith(id, followed, cancel)()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+id+PositionPath, nil)
	if err != nil {
		return 0, err
	}
	answer, err := s.cfg.Peers.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	var at leaderPosition
	if err := json.NewDecoder(io.LimitReader(answer.Body, 4096)).Decode(&at); err != nil || answer.StatusCode != http.StatusOK {
		return 0, errNotLeading
	}
	return at.Position, nil
}

// rounds shares a question among those who ask it at the same time: who comes
// joins the next round to begin, so that it is asked after they came.
type rounds struct {
	ask func(context.Context) (base.Position, error)
	// ctx ends what is asked.
	ctx context.Context

	mu      sync.Mutex
	next    *round
	running bool
}

type round struct {
	done     chan struct{}
	position base.Position
	err      error
}

func (q *rounds) join(ctx context.Context) (base.Position, error) {
	q.mu.Lock()
	if q.next == nil {
		q.next = &round{done: make(chan struct{})}
	}
	mine := q.next
	if !q.running {
		q.running = true
		go q.run()
	}
	q.mu.Unlock()
	select {
	case <-mine.done:
		return mine.position, mine.err
	case <-ctx.Done():
		return 0, errUnconfirmed
	}
}

// run asks until nobody waits any more.
func (q *rounds) run() {
	for {
		q.mu.Lock()
		now := q.next
		q.next = nil
		q.running = now != nil
		q.mu.Unlock()
		if now == nil {
			return
		}
		now.position, now.err = q.ask(q.ctx)
		close(now.done)
	}
}
