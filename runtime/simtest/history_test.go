package simtest

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// history is what happened in one run: plain values, for the checkers.
type history struct {
	ops    []op
	logs   map[string][]entry // at the end, of each node
	states []stateAt
	seen   map[string][]entry // what each subscriber was given, in that order
	notes  []note
	// broken is what no node may meet: one that cannot start, one that failed
	// with its disk well.
	broken  []string
	members []string      // at the end
	steady  time.Duration // when, after the last fault, there had been a leader for a while; 0: never
	halted  bool          // a majority of the voters lost what they voted: nobody may lead any more
}

// op is one request of a client and its answer.
type op struct {
	client   int
	node     string
	kind     string // opWrite, opRead, opLook
	command  command
	invoked  int           // numbers of the order in which requests and
	returned int           // answers happened; 0: never
	from, to time.Duration // since the beginning
	outcome  string        // ok, refused, unknown
	position uint64
	value    string
	err      string
}

const (
	opWrite = "write"
	opRead  = "read" // linearizable, of any node
	opLook  = "look" // of any node, at the position that it tells

	outcomeOK      = "ok"
	outcomeRefused = "refused"
	outcomeUnknown = "unknown"
)

// entry is a batch in a log.
type entry struct {
	first, count uint64
	index        uint64
	digest       eventlog.Digest
	payload      payload
	time         int64 // nanoseconds
}

func entryOf(b eventlog.Batch) (entry, error) {
	p, err := decodePayload(b.Payload)
	return entry{b.First, uint64(b.Count), b.Index, b.Digest, p, b.Time.UnixNano()}, err
}

func (e entry) last() uint64 { return e.first + e.count - 1 }

// stateAt is what a node's fold said at a position.
type stateAt struct {
	node     string
	position uint64
	digest   string
}

// note is something that happened beside the requests; kinds are counted.
type note struct {
	at   time.Duration
	kind string
	text string
}

// recorder gathers a history from many goroutines.
type recorder struct {
	mu     sync.Mutex
	h      history
	begun  time.Time
	order  int
	logger *slog.Logger
}

func newRecorder(logger *slog.Logger) *recorder {
	return &recorder{logger: logger, begun: time.Now(), h: history{logs: map[string][]entry{}, seen: map[string][]entry{}}}
}

func (r *recorder) now() time.Duration { return time.Since(r.begun) }

func (r *recorder) note(kind, format string, args ...any) {
	text := kind + ": " + fmt.Sprintf(format, args...)
	r.logger.Info(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.notes = append(r.h.notes, note{r.now(), kind, text})
}

func (r *recorder) broke(format string, args ...any) {
	r.note("BROKEN", format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.broken = append(r.h.broken, fmt.Sprintf(format, args...))
}

// invoke notes a request and gives its number.
func (r *recorder) invoke(o op) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order++
	o.invoked, o.from, o.outcome = r.order, r.now(), outcomeUnknown
	r.h.ops = append(r.h.ops, o)
	return len(r.h.ops) - 1
}

// answer notes how a request ended.
func (r *recorder) answer(number int, change func(*op)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order++
	o := &r.h.ops[number]
	o.returned, o.to = r.order, r.now()
	change(o)
}

func (r *recorder) steady() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.steady = r.now()
}

func (r *recorder) halt() {
	r.note("halted", "a majority of the voters lost what they voted")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.halted = true
}

func (r *recorder) isHalted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.h.halted
}

func (r *recorder) state(node string, v values) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.states = append(r.h.states, stateAt{node, v.Position, v.digest()})
}

func (r *recorder) saw(subscriber string, e entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.h.seen[subscriber] = append(r.h.seen[subscriber], e)
}

// String is the history for people: notes and requests in the order of time.
func (h *history) String() string {
	var b strings.Builder
	next := 0
	for _, o := range h.ops {
		for ; next < len(h.notes) && h.notes[next].at <= o.from; next++ {
			fmt.Fprintf(&b, "%10s  %s\n", stamp(h.notes[next].at), h.notes[next].text)
		}
		fmt.Fprintf(&b, "%10s  %s\n", stamp(o.from), o)
	}
	for ; next < len(h.notes); next++ {
		fmt.Fprintf(&b, "%10s  %s\n", stamp(h.notes[next].at), h.notes[next].text)
	}
	for _, node := range slices.Sorted(maps.Keys(h.logs)) {
		fmt.Fprintf(&b, "log of %s:", node)
		for _, e := range h.logs[node] {
			fmt.Fprintf(&b, " %d-%d@%d:%s/t%d", e.first, e.last(), e.index, e.payload.Key, e.payload.Term)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func stamp(d time.Duration) string { return fmt.Sprintf("%.4fs", d.Seconds()) }

func (o op) String() string {
	s := fmt.Sprintf("client %d → %s %s %s %s=%s", o.client, o.node, o.kind, o.command.Key, o.command.Register, o.command.Value)
	if o.command.Conditional {
		s += fmt.Sprintf(" if set at %d", o.command.If)
	}
	s += fmt.Sprintf(": %s at %d %q", o.outcome, o.position, o.value)
	if o.returned > 0 {
		s += " by " + stamp(o.to)
	}
	if o.err != "" {
		s += " (" + o.err + ")"
	}
	return s
}
