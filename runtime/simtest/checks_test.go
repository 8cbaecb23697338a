package simtest

import (
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// good is a small history that keeps every promise: two writes and a repetition,
// a refusal, a read and a look, on two nodes with a subscriber.
func good() *history {
	c1 := command{Key: "k1", Register: "a", Value: "x", Events: 2}
	c2 := command{Key: "k2", Register: "a", Value: "y", Events: 1}
	c3 := command{Key: "k3", Register: "a", Value: "z", Events: 1, Conditional: true, If: 1}
	log := []entry{
		{1, 2, 5, eventlog.Digest{1}, payload{c1, 2, 0}, 100},
		{3, 1, 6, eventlog.Digest{2}, payload{c2, 3, 2}, 100},
	}
	v := newValues()
	for _, e := range log {
		v.apply(e.payload.command, e.first, e.count)
	}
	at := func(o op, invoked, returned int) op {
		o.node, o.invoked, o.returned, o.from, o.to = "n1", invoked, returned, time.Duration(invoked), time.Duration(returned)
		return o
	}
	return &history{
		ops: []op{
			at(op{kind: opWrite, command: c1, outcome: outcomeUnknown}, 1, 2),
			at(op{kind: opWrite, command: c1, outcome: outcomeOK, position: 1}, 3, 4),
			at(op{kind: opWrite, command: c2, outcome: outcomeOK, position: 3}, 5, 6),
			at(op{kind: opWrite, command: c3, outcome: outcomeRefused, position: 3, value: "y"}, 7, 8),
			at(op{kind: opRead, command: command{Register: "a"}, outcome: outcomeOK, position: 3, value: "y"}, 9, 10),
			at(op{kind: opLook, command: command{Register: "a"}, outcome: outcomeOK, position: 2, value: "x"}, 11, 12),
			at(op{kind: opWrite, command: c1, outcome: outcomeOK, position: 1}, 13, 14),
		},
		logs:    map[string][]entry{"n1": log, "n2": log, "n3": log[:1]},
		states:  []stateAt{{"n2", 3, v.digest()}},
		seen:    map[string][]entry{"s": log},
		members: []string{"n1", "n2"},
		steady:  12,
	}
}

func TestCheckersPassAGoodHistory(t *testing.T) {
	if err := check(good()); err != nil {
		t.Error(err)
	}
}

// Each checker finds what breaks its promise, and only the named ones do.
func TestCheckersFindBrokenHistories(t *testing.T) {
	edit := func(l []entry, i int, change func(*entry)) []entry {
		l = append([]entry(nil), l...)
		change(&l[i])
		return l
	}
	everywhere := func(h *history, l []entry) { h.logs = map[string][]entry{"n1": l, "n2": l} }
	for name, c := range map[string]struct {
		finds  []string
		damage func(h *history)
	}{
		"an acknowledged write is nowhere": {[]string{"log", "once", "answers"}, func(h *history) {
			h.ops[2].position = 4
		}},
		"a member lacks the end": {[]string{"log"}, func(h *history) {
			h.logs["n2"] = h.logs["n2"][:1]
		}},
		"two logs differ": {[]string{"log"}, func(h *history) {
			h.logs["n2"] = edit(h.logs["n2"], 0, func(e *entry) { e.digest[0]++ })
		}},
		"a later write stands before an earlier one": {[]string{"log"}, func(h *history) {
			h.ops[0].invoked, h.ops[1].invoked, h.ops[1].returned = 20, 21, 22
			h.ops[6].invoked, h.ops[6].returned = 23, 24
		}},
		"a position is missing": {[]string{"log", "fence", "state", "answers", "once", "subscribers"}, func(h *history) {
			l := edit(h.logs["n1"], 1, func(e *entry) { e.first++ })
			everywhere(h, l)
		}},
		"time goes back": {[]string{"log"}, func(h *history) {
			everywhere(h, edit(h.logs["n1"], 1, func(e *entry) { e.time = 99 }))
			h.seen = nil
		}},
		"the state is not the log folded": {[]string{"state"}, func(h *history) {
			h.states[0].digest = "another"
		}},
		"a node shows what was never so": {[]string{"state"}, func(h *history) {
			h.ops[5].value = "y"
		}},
		"a stale leader's batch is in the log": {[]string{"fence"}, func(h *history) {
			everywhere(h, edit(h.logs["n1"], 1, func(e *entry) { e.payload.Basis = 0 }))
			h.seen = nil
		}},
		"a batch of a former term comes later": {[]string{"fence"}, func(h *history) {
			everywhere(h, edit(h.logs["n1"], 1, func(e *entry) { e.payload.Term = 1 }))
			h.seen = nil
		}},
		"a refusal that no decision comes to": {[]string{"answers"}, func(h *history) {
			h.ops[3].command.If = 3
		}},
		"a read is older than what was acknowledged": {[]string{"answers"}, func(h *history) {
			h.ops[4].position, h.ops[4].value = 2, "x"
		}},
		"a read is older than a read before it": {[]string{"answers"}, func(h *history) {
			o := h.ops[4]
			o.position, o.value, o.invoked, o.returned = 2, "x", 15, 16
			h.ops[2].returned, h.ops[6].position = 0, 1 // nothing but the read says that there is more
			h.ops[2].outcome, h.ops[3].outcome = outcomeUnknown, outcomeUnknown
			h.ops = append(h.ops, o)
		}},
		"a key takes effect twice": {[]string{"once", "state"}, func(h *history) {
			l := append(append([]entry(nil), h.logs["n1"]...), entry{4, 2, 7, eventlog.Digest{3}, payload{h.logs["n1"][0].payload.command, 3, 3}, 200})
			everywhere(h, l)
			h.seen = nil
			h.states[0].position = 5
		}},
		"a key is answered with two positions": {[]string{"once", "log"}, func(h *history) {
			h.ops[6].position = 3
		}},
		"a subscriber misses a batch": {[]string{"subscribers"}, func(h *history) {
			h.seen["s"] = h.seen["s"][1:]
		}},
		"a subscriber is given one twice": {[]string{"subscribers"}, func(h *history) {
			h.seen["s"] = append([]entry{h.seen["s"][0]}, h.seen["s"]...)
		}},
		"a subscriber is not told the end": {[]string{"subscribers"}, func(h *history) {
			h.seen["s"] = h.seen["s"][:1]
		}},
		"nobody leads after the faults": {[]string{"alive"}, func(h *history) {
			h.steady = 0
		}},
		"nothing is answered after the faults": {[]string{"alive"}, func(h *history) {
			h.ops[6].outcome, h.ops[6].err = outcomeUnknown, "context deadline exceeded"
		}},
		"a node cannot start": {[]string{"alive"}, func(h *history) {
			h.broken = []string{"n1 ended"}
		}},
	} {
		h := good()
		c.damage(h)
		for checker, judge := range checkers {
			wanted := false
			for _, f := range c.finds {
				wanted = wanted || f == checker
			}
			if err := judge(h); (err != nil) != wanted {
				t.Errorf("%s: checker %q says %v", name, checker, err)
			}
		}
	}
}

// A cluster that halted owes no end, and everything before it.
func TestHaltedHistoryIsJudgedUpToItsEnd(t *testing.T) {
	halted := func() *history {
		h := good()
		h.halted, h.steady, h.members = true, 0, nil
		for _, node := range []string{"n1", "n2"} {
			h.logs[node] = h.logs[node][:1] // the second batch is in no event log
		}
		return h
	}
	if err := check(halted()); err != nil {
		t.Error(err)
	}
	for what, damage := range map[string]func(h *history){
		"what was acknowledged within is another":  func(h *history) { h.ops[1].position, h.ops[6].position = 2, 2 },
		"a state within is another":                func(h *history) { h.states = append(h.states, stateAt{"n1", 2, "another"}) },
		"a subscriber missed the beginning":        func(h *history) { h.seen["s"] = h.seen["s"][1:]; h.logs["n1"] = good().logs["n1"] },
		"a node ended although nothing befell it":  func(h *history) { h.broken = []string{"n1 ended"} },
		"a read within is older than it should be": func(h *history) { h.ops[4].position, h.ops[4].value, h.ops[4].command.Register = 0, "x", "a" },
	} {
		h := halted()
		damage(h)
		if check(h) == nil {
			t.Errorf("not found: %s", what)
		}
	}
}
