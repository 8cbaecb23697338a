//go:build linux

package torture_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// outcome is what the client knows of a request.
type outcome int

const (
	unknown outcome = iota // it may have been done
	done
	refused // it was not done, says the answer
)

func (o outcome) String() string { return [...]string{"unknown", "done", "refused"}[o] }

// action is what was asked for.
type action int

const (
	write action = iota // a value, to a key
	read                // linearizable
)

// request is one with its answer. Times are since the beginning of the run.
type request struct {
	client    int
	node      string // that answered last
	action    action
	key       string // the resource
	value     string // written, each once only; or read, "" if there was none
	called    time.Duration
	returned  time.Duration
	tries     int
	status    int // 0 if no answer came
	outcome   outcome
	position  uint64 // in the answer
	explained string // of a refusal
}

func (r request) String() string {
	verb := [...]string{"writes", "reads"}[r.action]
	return fmt.Sprintf("client %d at %s %s %s = %q from %s to %s: %s at position %d (status %d, %d tries)",
		r.client, r.node, verb, r.key, r.value, r.called, r.returned, r.outcome, r.position, r.status, r.tries)
}

// entry is an event of a node's log that set a key to a value.
type entry struct {
	position uint64
	key      string
	value    string
}

// verdict counts what must not be and says it.
type verdict struct {
	lost, doubled, ghosts, disordered int
	findings                          []string
}

func (v *verdict) say(count *int, format string, arguments ...any) {
	*count++
	if *count <= 5 {
		v.findings = append(v.findings, fmt.Sprintf(format, arguments...))
	}
}

// judgeWrites holds each write against the log: what was acknowledged is there
// once, what was refused is not there, and nothing is there twice.
func judgeWrites(v *verdict, requests []request, log []entry) {
	at := map[string][]uint64{}
	for _, e := range log {
		at[e.value] = append(at[e.value], e.position)
	}
	for _, r := range requests {
		if r.action != write {
			continue
		}
		found := at[r.value]
		switch {
		case len(found) > 1:
			v.say(&v.doubled, "doubled: %s stands at positions %d", r, found)
		case r.outcome == done && len(found) == 0:
			v.say(&v.lost, "lost: %s", r)
		case r.outcome == done && found[0] > r.position:
			v.say(&v.disordered, "%s stands later, at position %d", r, found[0])
		case r.outcome == refused && len(found) > 0:
			v.say(&v.ghosts, "refused and yet done, at position %d: %s (%s)", found[0], r, r.explained)
		}
	}
}

// judgeOrder holds positions against real time: what began after another had
// been answered stands after it, and a linearizable read sees at least all that
// had been answered before, and what stands at its position.
func judgeOrder(v *verdict, requests []request, log []entry) {
	known := slices.DeleteFunc(slices.Clone(requests), func(r request) bool { return r.outcome != done || r.position == 0 })
	byCall := slices.SortedFunc(slices.Values(known), func(a, b request) int { return cmp.Compare(a.called, b.called) })
	byReturn := slices.SortedFunc(slices.Values(known), func(a, b request) int { return cmp.Compare(a.returned, b.returned) })
	var newest request // of those that were answered
	for _, r := range byCall {
		for len(byReturn) > 0 && byReturn[0].returned < r.called {
			if byReturn[0].position > newest.position {
				newest = byReturn[0]
			}
			byReturn = byReturn[1:]
		}
		if r.position < newest.position || r.action == write && r.position == newest.position && newest.action == write {
			v.say(&v.disordered, "order: %s; but before it began, %s", r, newest)
		}
	}
	values := map[string]string{}
	byPosition := slices.SortedFunc(slices.Values(known), func(a, b request) int { return cmp.Compare(a.position, b.position) })
	for _, r := range byPosition {
		for len(log) > 0 && log[0].position <= r.position {
			values[log[0].key] = log[0].value
			log = log[1:]
		}
		if r.action == read && values[r.key] != r.value {
			v.say(&v.disordered, "%s; there the log says %q", r, values[r.key])
		}
	}
}

// operation is what porcupine is told of a request.
type operation struct {
	write bool
	value string
}

// register is a key that holds one value.
func register() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			if o := input.(operation); o.write {
				return true, o.value
			}
			return state == output, state
		},
		DescribeOperation: func(input, output any) string {
			if o := input.(operation); o.write {
				return "write " + o.value
			}
			return fmt.Sprint("read ", output)
		},
	}
}

// judgeRegisters asks porcupine whether each key behaved as one register. A
// write that was not answered counts if the log has it; then it ended at the
// latest when something after it in the log had been answered. So no write
// stays open for ever, and what a read saw of one that is in no log is found.
func judgeRegisters(v *verdict, requests []request, log []entry, limit time.Duration) (keys, undecided int) {
	at := map[string]uint64{}
	for _, e := range log {
		at[e.value] = e.position
	}
	closed := closing(requests)
	histories := map[string][]porcupine.Operation{}
	for _, r := range requests {
		end := r.returned
		switch {
		case r.outcome == done:
		case r.action == write && at[r.value] > 0:
			end = max(r.called, closed(at[r.value]))
		default:
			continue
		}
		histories[r.key] = append(histories[r.key], porcupine.Operation{
			ClientId: r.client, Input: operation{r.action == write, r.value}, Call: int64(r.called), Output: r.value, Return: int64(end),
		})
	}
	for key, history := range histories {
		switch porcupine.CheckOperationsTimeout(register(), history, limit) {
		case porcupine.Illegal:
			v.say(&v.disordered, "the %d requests for %s have no order in which they could have been done one after the other", len(history), key)
		case porcupine.Unknown:
			undecided++
		}
	}
	return len(histories), undecided
}

// closing gives for a position the first time at which something later was
// answered.
func closing(requests []request) func(position uint64) time.Duration {
	byPosition := slices.DeleteFunc(slices.Clone(requests), func(r request) bool { return r.outcome != done || r.position == 0 })
	slices.SortFunc(byPosition, func(a, b request) int { return cmp.Compare(a.position, b.position) })
	first := make([]time.Duration, len(byPosition)+1)
	first[len(byPosition)] = 1 << 62
	for i := len(byPosition) - 1; i >= 0; i-- {
		first[i] = min(first[i+1], byPosition[i].returned)
	}
	return func(position uint64) time.Duration {
		i, _ := slices.BinarySearchFunc(byPosition, position, func(r request, p uint64) int { return cmp.Compare(r.position, p) })
		return first[i]
	}
}

// judgeLogs compares the logs of all nodes.
func judgeLogs(v *verdict, logs map[string][]entry) {
	var first string
	for _, name := range slices.Sorted(keysOf(logs)) {
		if first == "" {
			first = name
			continue
		}
		a, b := logs[first], logs[name]
		for i := range max(len(a), len(b)) {
			if i < len(a) && i < len(b) && a[i] == b[i] {
				continue
			}
			v.say(&v.disordered, "the logs of %s and %s differ at entry %d: %v and %v", first, name, i, a[min(i, len(a)):min(i+1, len(a))], b[min(i, len(b)):min(i+1, len(b))])
			break
		}
	}
}

// judgeFollower holds what a client that followed the events saw, from node to
// node, against the log: all of it up to where it came, once and in order.
func judgeFollower(v *verdict, seen, log []entry) {
	for i, e := range seen {
		if i >= len(log) || log[i] != e {
			v.say(&v.disordered, "a follower of the events saw %v as its entry %d; the log has %v", e, i, log[min(i, len(log)):min(i+1, len(log))])
			return
		}
	}
}

// longestGap is the longest time between two acknowledged writes.
func longestGap(requests []request, until time.Duration) (from, to time.Duration) {
	var acknowledged []time.Duration
	for _, r := range requests {
		if r.action == write && r.outcome == done {
			acknowledged = append(acknowledged, r.returned)
		}
	}
	slices.Sort(acknowledged)
	last := time.Duration(0)
	for _, t := range append(acknowledged, until) {
		if t-last > to-from {
			from, to = last, t
		}
		last = t
	}
	return from, to
}
