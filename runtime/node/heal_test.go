package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/runtime/node"
)

// A node whose disk changed what it had acknowledged gets it back from the others.
func TestDamagedNodeHealsFromTheOthers(t *testing.T) {
	c := form(t)
	c.written(0, "before")
	for i := range 2 { // the one that founded the cluster, and one that joined
		name := fmt.Sprint(i)
		c.stop(i)
		c.written(c.follower(), "meanwhile-"+name)
		segments := segmentsOf(t, c.dirs[i])
		flip(t, segments[len(segments)-1])
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

// A start that folds a sealed segment meets what its disk changed there.
func TestNodeWithDamageInWhatItFoldsStarts(t *testing.T) {
	t.Parallel()
	small := func(cfg *node.Config) { cfg.Segment = 4 << 10 }
	c := form(t, small)
	one := c.follower()
	for i := range 20 {
		c.written(one, fmt.Sprint("before-", i))
	}
	c.stop(one)
	segments := segmentsOf(t, c.dirs[one])
	if len(segments) < 3 {
		t.Fatal("too few segments: ", segments)
	}
	flip(t, segments[len(segments)-2])
	if err := os.Remove(filepath.Join(c.dirs[one], "state.checkpoint")); err != nil {
		t.Fatal(err)
	}
	c.start(one, small)
	c.written(one, "after")
	c.same()
	if _, err := c.nodes[one].Events().Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// segmentsOf are the files of a node's log, the newest last.
func segmentsOf(t *testing.T, dir string) []string {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "log", "events-*.seg"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	return segments
}

// flip changes a bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
