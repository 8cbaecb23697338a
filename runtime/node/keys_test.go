package node_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLostKeysAreNotReplacedBehindTheOwnersBack(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), secret("photo", "db", "hunter2"))
	w.close()
	for _, name := range []string{"keys/wrap.key", "keys/node.key", "keys"} {
		path, aside := filepath.Join(w.dir, name), filepath.Join(w.dir, "aside")
		move(t, path, aside)
		err := unopened(t, config(w.dir)).Error()
		if !strings.Contains(err, path) || !strings.Contains(err, "is missing; restore it from a backup") {
			t.Errorf("without %s it says %s", name, err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was made anew", name)
		}
		move(t, aside, path)
	}
	w.open()
	before := w.position()
	w.do(secret("photo", "db", "hunter2"))
	if after := w.position(); after != before {
		t.Error("with its keys back, the cluster took an equal secret for another")
	}
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func TestNodeWithTheKeyOfAnotherSaysSo(t *testing.T) {
	w, other := open(t, t.TempDir()), open(t, t.TempDir())
	w.close()
	other.close()
	move(t, filepath.Join(other.dir, "keys/node.key"), filepath.Join(w.dir, "keys/node.key"))
	if err := unopened(t, config(w.dir)).Error(); !strings.Contains(err, "keys/node.key is not the key") || !strings.Contains(err, "picloud.local") {
		t.Errorf("it says %s", err)
	}
}
