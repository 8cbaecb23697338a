package catchup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

const (
	// piece is how many bytes are written at once, at least.
	piece = 64 << 10
	// stall is how long a peer may take to read a piece, or to send one.
	stall = 15 * time.Second
	// pulls is how many are served at once: each holds a batch or two.
	pulls = 4
)

// Path is where Handler is mounted.
const Path = "/peer/log"

// Handler serves the bytes of a log after a position:
//
//	GET /peer/log?after={position}&digest={chain digest there}[&until={position}]
//
// 200 with segment headers and frames, to the end of the log or, when until is
// given, to the end of the Raft entry that holds it; 404 when the log does not
// reach so far; 409 with this log's digest when the history is another one; 503
// when enough pulls are under way.
func Handler(log *eventlog.Log) http.Handler {
	return &server{log, make(chan struct{}, pulls)}
}

type server struct {
	log   *eventlog.Log
	slots chan struct{}
}

// refusal is why a peer serves nothing.
type refusal struct {
	Reason   string           `json:"reason"`
	Position uint64           `json:"position,omitempty"` // where this log ends
	Digest   *eventlog.Digest `json:"digest,omitempty"`   // of this log at the position asked for, where it differs
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		refuse(w, http.StatusMethodNotAllowed, refusal{Reason: "the log is read with GET"})
		return
	}
	after, digest, until, err := asked(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, refusal{Reason: err.Error()})
		return
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusServiceUnavailable, refusal{Reason: fmt.Sprintf("%d members catch up from this one already", pulls)})
		return
	}
	head := s.log.Head()
	ours, err := s.log.DigestAt(after)
	switch {
	case errors.Is(err, eventlog.ErrNotFound) && after < head.Position:
		refuse(w, http.StatusConflict, refusal{Reason: err.Error(), Position: head.Position, Digest: &ours})
	case errors.Is(err, eventlog.ErrNotFound):
		refuse(w, http.StatusNotFound, refusal{Reason: err.Error(), Position: head.Position})
	case err != nil:
		refuse(w, http.StatusInternalServerError, refusal{Reason: err.Error()})
	case ours != digest:
		refuse(w, http.StatusConflict, refusal{Reason: "the event logs have diverged", Position: head.Position, Digest: &ours})
	default:
		s.stream(w, after, until)
	}
}

func asked(q url.Values) (after uint64, digest eventlog.Digest, until uint64, err error) {
	until = ^uint64(0)
	if after, err = strconv.ParseUint(q.Get("after"), 10, 64); err != nil {
		return 0, digest, 0, fmt.Errorf("after=%q is no position", q.Get("after"))
	}
	if err = digest.UnmarshalText([]byte(q.Get("digest"))); err != nil {
		return 0, digest, 0, fmt.Errorf("digest=%q: %w", q.Get("digest"), err)
	}
	if text := q.Get("until"); text != "" {
		if until, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, digest, 0, fmt.Errorf("until=%q is no position", text)
		}
	}
	return after, digest, until, nil
}

// stream writes frames. When the log cannot be read on, the connection is cut: the
// peer keeps what is whole and asks another.
func (s *server) stream(w http.ResponseWriter, after, until uint64) {
	w.Header().Set("Content-Type", "application/octet-stream")
	out := http.NewResponseController(w)
	var buf []byte
	raw, whole := s.log.Raw(after), true
	// Not every connection has deadlines; those that have keep them beyond a request.
	defer out.SetWriteDeadline(time.Time{})
	for at, end := after, false; !end; {
		var err error
		for buf = buf[:0]; len(buf) < piece && !end; {
			buf, at, whole, err = raw.Next(buf)
			if err != nil && !errors.Is(err, io.EOF) {
				panic(http.ErrAbortHandler)
			}
			end = err != nil || whole && at >= until
		}
		if err := out.SetWriteDeadline(time.Now().Add(stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return
		}
		if _, err := w.Write(buf); err != nil {
			return
		}
		if cap(buf) > 16*piece {
			buf = nil // one large batch does not keep its memory
		}
	}
}

func refuse(w http.ResponseWriter, status int, why refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(why) // a peer that left needs no answer
}
