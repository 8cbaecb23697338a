package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A node whose disk changed what it had acknowledged gets it back from the others.
func TestDamagedNodeHealsFromTheOthers(t *testing.T) {
	c := form(t)
	c.written(0, "before")
	for i := range 2 { // the one that founded the cluster, and one that joined
		name := fmt.Sprint(i)
		c.stop(i)
		c.written(c.follower(), "meanwhile-"+name)
		damage(t, filepath.Join(c.dirs[i], "log"))
		c.restart(i)
		c.written(i, "afterwards-"+name)
		c.await("the logs are the same", func() bool {
			leader := c.leading()
			return leader >= 0 && c.nodes[i].Events().Head() == c.nodes[leader].Events().Head()
		})
		if _, err := c.nodes[i].Events().Verify(t.Context()); err != nil {
			t.Error(err)
		}
		if copies, _ := filepath.Glob(filepath.Join(c.dirs[i], "log", "*.damaged")); len(copies) != 1 {
			t.Error("no copy of what was damaged is left")
		}
	}
}

// damage flips a bit in the middle of the newest segment of a log.
func damage(t *testing.T, dir string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "events-*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	newest := segments[len(segments)-1]
	content, err := os.ReadFile(newest)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(newest, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
