package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/node"
)

// cut puts the newest segment of a node's log at half its length.
func cut(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()/2)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// newest is the newest segment of a node's log.
func newest(t *testing.T, dir string) string {
	t.Helper()
	all := segmentsOf(t, dir)
	return all[len(all)-1]
}

// complains opens a node that tells of an error.
func (w *whole) complains() {
	w.t.Helper()
	n, err := node.Open(w.t.Context(), config(w.dir))
	if err != nil {
		w.t.Fatal(err)
	}
	w.Node = n
}

func (w *whole) writeProducts(n int) {
	w.t.Helper()
	for i := range n {
		w.do(product(fmt.Sprint("p", i)))
	}
}

// Nobody else has the log of a node that is alone, but its Raft log has the newest
// part of it.
func TestLoneNodeRefillsItsDamagedLogItself(t *testing.T) {
	for what, harm := range map[string]func(t *testing.T, path string){
		"flipped": flip, "cut": cut,
		"removed":   func(t *testing.T, path string) { _ = os.Remove(path) },
		"no mark":   func(t *testing.T, path string) { _ = os.Remove(filepath.Join(filepath.Dir(path), "synced")) },
		"no header": func(t *testing.T, path string) { _ = os.Truncate(path, 10) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := open(t, t.TempDir())
			w.writeProducts(20)
			before := w.Events().Head()
			w.close()
			harm(t, newest(t, w.dir))
			w.complains()
			if b, err := w.Events().ReadAt(before.Position); err != nil || b.Digest != before.Digest {
				t.Errorf("position %d is not what it was: %v", before.Position, err)
			}
			if _, err := w.Events().Verify(t.Context()); err != nil {
				t.Error(err)
			}
			if kept, _ := filepath.Glob(filepath.Join(w.dir, "log", "*.damaged")); (len(kept) == 1) != (what != "removed") {
				t.Errorf("what was damaged is kept as %v", kept)
			}
			w.restart()
			w.do(product("after"))
		})
	}
}

// What is lost for good is named, and nothing is given up but by who names it.
func TestLoneNodeGivesUpNothingByItself(t *testing.T) {
	w := open(t, t.TempDir())
	w.writeProducts(20)
	last := w.Events().Head().Position
	w.close()
	files := func() (all []string) {
		all, _ = filepath.Glob(filepath.Join(w.dir, "log", "*"))
		return all
	}
	cut(t, newest(t, w.dir))
	if err := os.RemoveAll(filepath.Join(w.dir, "raft")); err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprint(files())
	err := unopened(t, config(w.dir))
	said := regexp.MustCompile(`positions (\d+) to (\d+) cannot be read`).FindStringSubmatch(fmt.Sprint(err))
	if len(said) != 3 || said[2] != fmt.Sprint(last) {
		t.Fatalf("it does not say what is lost up to position %d: %v", last, err)
	}
	for _, way := range []string{"cluster restore", "cluster recover --dir " + w.dir + " --without " + said[1], newest(t, w.dir)} {
		if !strings.Contains(err.Error(), way) {
			t.Errorf("it does not name %q: %v", way, err)
		}
	}
	if after := fmt.Sprint(files()); after != before {
		t.Errorf("there is %s, there was %s", after, before)
	}
	first, _ := strconv.ParseUint(said[1], 10, 64)
	recover := func(without uint64) error {
		_, err := node.Recover(t.Context(), node.RecoverConfig{Dir: w.dir, Without: without})
		return err
	}
	for _, wrong := range []uint64{0, first - 1, first + 1, last} {
		if err := recover(wrong); err == nil || !strings.Contains(err.Error(), "--without "+said[1]) {
			t.Errorf("without %d: %v", wrong, err)
		}
	}
	for range 2 { // as after a crash in between
		if err := recover(first); err != nil {
			t.Fatal(err)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(w.dir, "log", "*.damaged")); len(kept) != 1 {
		t.Error("what was damaged is not kept")
	}
	w.complains()
	if w.get("/products/p0") == nil || w.get("/products/p19") != nil {
		t.Error("it holds other things than what came before the damage")
	}
	w.do(product("p19"))
	if at := w.Events().Head().Position; at>>44 != 1 {
		t.Errorf("position %d may have been given before", at)
	}
	if cluster := w.get("/").(*domain.Cluster); cluster.Status.Generation == nil || *cluster.Status.Generation != 1 {
		t.Error("the log does not say that something was given up")
	}
	w.restart()
	if w.get(base.Ref("/products/p19")) == nil {
		t.Error("it does not go on")
	}
}

func TestNothingIsGivenUpThatIsNotLost(t *testing.T) {
	w := open(t, t.TempDir())
	w.writeProducts(3)
	next := w.Events().Head().Position + 1
	w.close()
	for _, without := range []uint64{1, next - 1, next} {
		if _, err := node.Recover(t.Context(), node.RecoverConfig{Dir: w.dir, Without: without}); err == nil || !strings.Contains(err.Error(), "nothing is lost") {
			t.Errorf("without %d: %v", without, err)
		}
	}
	w.open()
	if w.Events().Head().Position+1 < next {
		t.Error("something was given up")
	}
}
