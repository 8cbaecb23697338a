//go:build linux

package torture_test

import (
	"iter"
	"maps"
	"testing"
	"time"
)

func keysOf[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

const ms = time.Millisecond

// right is a record that is as it should be, with its log.
func right() ([]request, []entry) {
	return []request{
			{action: write, key: "a", value: "1", called: 0, returned: 10 * ms, outcome: done, position: 1},
			{action: write, key: "a", value: "2", called: 20 * ms, returned: 90 * ms, outcome: unknown},
			{action: read, key: "a", value: "1", called: 30 * ms, returned: 40 * ms, outcome: done, position: 1},
			{action: read, key: "a", value: "2", called: 50 * ms, returned: 60 * ms, outcome: done, position: 2},
			{action: write, key: "b", value: "3", called: 50 * ms, returned: 70 * ms, outcome: done, position: 3},
			{action: write, key: "b", value: "4", called: 80 * ms, returned: 99 * ms, outcome: refused},
			{action: write, key: "b", value: "5", called: 80 * ms, returned: 99 * ms, outcome: unknown},
		}, []entry{
			{1, "a", "1"}, {2, "a", "2"}, {3, "b", "3"},
		}
}

func judge(requests []request, log []entry) verdict {
	var v verdict
	judgeWrites(&v, requests, log)
	judgeOrder(&v, requests, log)
	judgeRegisters(&v, requests, log, time.Minute)
	return v
}

func TestRightRecordIsFoundRight(t *testing.T) {
	if v := judge(right()); len(v.findings) > 0 {
		t.Error(v.findings)
	}
}

func TestWhatIsWrongIsFound(t *testing.T) {
	for what, spoil := range map[string]func(r []request, log []entry) ([]request, []entry){
		"an acknowledged write that is in no log": func(r []request, log []entry) ([]request, []entry) { return r, log[:2] },
		"a write that was done twice":             func(r []request, log []entry) ([]request, []entry) { return r, append(log, entry{4, "a", "1"}) },
		"a refused write that was done":           func(r []request, log []entry) ([]request, []entry) { return r, append(log, entry{4, "b", "4"}) },
		"a stale read": func(r []request, log []entry) ([]request, []entry) {
			return append(r, request{action: read, key: "a", value: "1", called: 65 * ms, returned: 66 * ms, outcome: done, position: 1}), log
		},
		"a stale read that claims to be a new one": func(r []request, log []entry) ([]request, []entry) {
			return append(r, request{action: read, key: "a", value: "1", called: 65 * ms, returned: 66 * ms, outcome: done, position: 3}), log
		},
		"a read of what nobody wrote": func(r []request, log []entry) ([]request, []entry) {
			r[3].value = "9"
			return r, log
		},
		"a read of what is in no log": func(r []request, log []entry) ([]request, []entry) {
			return r, []entry{log[0], log[2]}
		},
		"an order against time": func(r []request, log []entry) ([]request, []entry) {
			r[0].position, r[4].position = 3, 1
			return r, []entry{{1, "b", "3"}, {2, "a", "2"}, {3, "a", "1"}}
		},
		"an answer with a position before the event": func(r []request, log []entry) ([]request, []entry) {
			log[2].position = 4
			return r, log
		},
	} {
		if v := judge(spoil(right())); len(v.findings) == 0 {
			t.Errorf("%s is not found", what)
		}
	}
}

func TestLogsThatDifferAreFound(t *testing.T) {
	_, log := right()
	for what, other := range map[string][]entry{
		"one is shorter": log[:2], "another order": {log[1], log[0], log[2]}, "another value": {log[0], log[1], {3, "b", "9"}},
	} {
		var v verdict
		judgeLogs(&v, map[string][]entry{"n1": log, "n2": other})
		if len(v.findings) != 1 {
			t.Errorf("%s: %v", what, v.findings)
		}
	}
	var v verdict
	judgeLogs(&v, map[string][]entry{"n1": log, "n2": log})
	judgeFollower(&v, log[:2], log)
	if len(v.findings) > 0 {
		t.Error(v.findings)
	}
	judgeFollower(&v, []entry{log[0], log[0]}, log)
	judgeFollower(&v, []entry{log[1]}, log)
	if len(v.findings) != 2 {
		t.Error("a follower that saw an event twice, or missed one, is not found")
	}
}

func TestLongestGapIsFound(t *testing.T) {
	requests, _ := right()
	if from, to := longestGap(requests, 200*ms); from != 70*ms || to != 200*ms {
		t.Errorf("from %s to %s", from, to)
	}
}
