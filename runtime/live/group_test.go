package live

import (
	"testing"

	"github.com/picloud/picloud/gen/base"
)

// TestRowsStandUpToTheChangeDuringTheirRun has a change come while a query runs
// on the view before it: whoever resumes at the change must not be told that
// the rows of that run are those that he has.
func TestRowsStandUpToTheChangeDuringTheirRun(t *testing.T) {
	g := &group{}
	stands := func(when string, p, now base.Position, want bool) {
		t.Helper()
		if _, ok := g.find(p, now); ok != want {
			t.Errorf("%s: the rows stand at %d: %v", when, p, ok)
		}
	}
	g.begin(1, []string{"a"}, nil, []string{"a"})
	stands("settled", 4, 4, true)

	g.mark(4) // the change at 5 may matter
	stands("marked", 4, 5, true)
	stands("marked", 5, 5, false)

	g.running, g.dirty = true, false // on the view of 5
	g.mark(6)                        // the change at 7 may matter too
	g.mark(8)                        // and a later one changes nothing of that
	stands("runs", 4, 8, true)
	stands("runs", 5, 8, false)

	g.running = false
	g.begin(5, []string{"b"}, []string{"a"}, []string{"b"})
	stands("ran", 4, 8, true)
	stands("ran", 6, 8, true)
	stands("ran", 7, 8, false)
	stands("ran", 8, 8, false)

	g.running, g.dirty = true, false // on the view of 8
	stands("runs again", 7, 8, false)
	g.running = false
	g.begin(8, []string{"c"}, []string{"b"}, []string{"c"})
	stands("settled again", 7, 9, false)
	stands("settled again", 9, 9, true)
}
