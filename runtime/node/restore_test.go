package node_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/node"
)

// heavy makes the cluster's history larger than what age encrypts at once, by what
// nothing packs.
func (c *trio) heavy() {
	c.t.Helper()
	c.written(0, "heavy")
	for i := range 8 {
		random := make([]byte, 40<<10)
		rand.Read(random)
		c.want(http.StatusCreated, 0, "PUT", fmt.Sprintf("/products/heavy/secrets/s%d", i),
			fmt.Sprintf(`{"data":{"k":%q}}`, base64.StdEncoding.EncodeToString(random)))
	}
}

// Whoever leads, a backup holds all that was acknowledged before it was asked for,
// up to one position.
func TestBackupIsWholeAlthoughTheLeaderGoes(t *testing.T) {
	t.Parallel()
	c := form(t)
	c.heavy()
	follower := c.follower()
	c.written(c.leader(), "before")
	var file deposing
	file.depose = func() {
		c.stop(c.leader())
		c.written(follower, "meanwhile")
	}
	if err := node.Backup(t.Context(), c.dirs[follower], passphrase, &file); err != nil {
		t.Fatal(err)
	}
	for i := range c.nodes {
		c.stop(i)
	}
	c.dirs[0], c.ports[0] = filepath.Join(t.TempDir(), "new"), ""
	if _, err := node.Restore(t.Context(), node.RestoreConfig{Dir: c.dirs[0], Name: "pi-9", File: bytes.NewReader(file.Bytes()), Passphrase: passphrase}); err != nil {
		t.Fatal(err)
	}
	c.start(0)
	c.want(http.StatusOK, 0, "GET", "/products/before", "")
	c.want(http.StatusNotFound, 0, "GET", "/products/meanwhile", "")
	if _, err := c.nodes[0].Events().Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// deposing is where a backup goes; something happens after its first bytes.
type deposing struct {
	bytes.Buffer
	depose func()
}

func (d *deposing) Write(b []byte) (int, error) {
	if d.depose != nil {
		d.depose()
		d.depose = nil
	}
	return d.Buffer.Write(b)
}

// childRestore tells this test's binary to restore a file into childDir.
const childRestore = "PICLOUD_TEST_CHILD_RESTORE"

func restoreChild() {
	content, err := os.ReadFile(os.Getenv(childRestore))
	if err == nil {
		_, err = node.Restore(context.Background(), node.RestoreConfig{Dir: os.Getenv(childDir), Name: "pi-9", File: bytes.NewReader(content), Passphrase: passphrase})
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// A restore is killed as soon as each of the things that it makes is there.
func TestKilledRestoreIsDoneAgainOrDone(t *testing.T) {
	t.Parallel()
	c := form(t)
	c.heavy()
	var content bytes.Buffer
	if err := node.Backup(t.Context(), c.dirs[0], passphrase, &content); err != nil {
		t.Fatal(err)
	}
	for i := range c.nodes {
		c.stop(i)
	}
	file := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, made := range []string{"restoring", "log", "raft", "membership.json"} {
		c.dirs[0], c.ports[0] = filepath.Join(t.TempDir(), "new"), ""
		killed := exec.Command(os.Args[0])
		killed.Env = append(os.Environ(), childDir+"="+c.dirs[0], childRestore+"="+file)
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- killed.Wait() }()
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for over := false; !over; {
			select {
			case err := <-ended:
				ended <- err
				over = true
			case <-look.C:
				_, err := os.Stat(filepath.Join(c.dirs[0], made))
				over = err == nil
			}
		}
		if err := killed.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		<-ended
		if _, err := os.Stat(filepath.Join(c.dirs[0], "restoring")); err == nil {
			refused++
			if _, err := c.open(0); err == nil || !strings.Contains(err.Error(), "cluster restore") {
				t.Fatalf("killed at %s: a node started: %v", made, err)
			}
			if _, err := node.Restore(t.Context(), node.RestoreConfig{Dir: c.dirs[0], Name: "pi-9", File: bytes.NewReader(content.Bytes()), Passphrase: passphrase}); err != nil {
				t.Fatalf("killed at %s: %v", made, err)
			}
		}
		if !node.Member(c.dirs[0]) {
			t.Fatalf("killed at %s: what is there is no node's", made)
		}
	}
	c.start(0)
	c.want(http.StatusOK, 0, "GET", "/products/heavy/secrets/s7", "")
	if refused == 0 {
		t.Error("no restore was killed before its end")
	}
}
