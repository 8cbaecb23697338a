package node_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/backup"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/node"
)

const passphrase = "correct horse battery"

// generation is that of a position in text.
func generation(t *testing.T, position string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(position, 10, 64)
	if err != nil {
		t.Fatalf("%q is no position", position)
	}
	return eventlog.Generation(n)
}

func TestClusterGoesOnFromABackup(t *testing.T) {
	t.Parallel()
	c := form(t)
	c.written(0, "kept")
	c.want(http.StatusCreated, 0, "PUT", "/products/kept/secrets/key", `{"data":{"k":"aGlkZGVu"}}`)
	var file bytes.Buffer
	if err := node.Backup(t.Context(), c.dirs[c.follower()], passphrase, &file); err != nil {
		t.Fatal(err)
	}
	c.written(0, "later")
	for i := range c.nodes {
		c.stop(i)
	}

	// on another machine, which has the name of one that was lost
	c.dirs[0], c.ports[0] = filepath.Join(t.TempDir(), "new"), ""
	restored, err := node.Restore(t.Context(), node.RestoreConfig{Dir: c.dirs[0], Name: "pi-1", File: bytes.NewReader(file.Bytes()), Passphrase: passphrase})
	if err != nil {
		t.Fatal(err)
	}
	if restored.Name != "pi-1-2" || restored.Header.Domain != "picloud.local" {
		t.Errorf("got %+v", restored)
	}
	c.start(0)
	c.want(http.StatusOK, 0, "GET", "/products/kept", "") // with the token and the authority of before
	c.want(http.StatusNotFound, 0, "GET", "/products/later", "")
	if got := generation(t, c.written(0, "new")); got != 1 {
		t.Errorf("a position of generation %d was given", got)
	}
	// equal data is recognised: the keys of before open and seal
	before := c.want(http.StatusOK, 0, "GET", "/products/kept/secrets/key", "")
	c.want(http.StatusOK, 0, "PUT", "/products/kept/secrets/key", `{"data":{"k":"aGlkZGVu"}}`)
	if after := c.want(http.StatusOK, 0, "GET", "/products/kept/secrets/key", ""); after.body != before.body {
		t.Errorf("the secret was sealed with other keys: %s, before %s", after.body, before.body)
	}
	c.token = c.nodes[0].AdminToken()
	c.want(http.StatusOK, 0, "GET", "/tokens", "")
	c.await("the former nodes are gone", func() bool {
		count := 0
		for range c.nodes[0].Views().View().State.List("/nodes", "") {
			count++
		}
		return count == 1
	})
	cluster := c.nodes[0].Views().View().State.Get("/").(*domain.Cluster)
	if g := cluster.Status.Generation; g == nil || *g != 1 || cluster.Status.Leader != "/nodes/pi-1-2" {
		t.Errorf("the log does not say who goes on: %+v", cluster.Status)
	}
	live, rebuilt, err := c.nodes[0].Views().Verify(c.nodes[0].Events())
	if err != nil || live != rebuilt {
		t.Errorf("the state is not the fold of the log: %v", err)
	}
	c.stop(0)
	c.start(0) // and it is a member like any other
	c.written(0, "again")
}

func TestRestoreThatCannotBeIsRefusedAndLosesNothing(t *testing.T) {
	t.Parallel()
	c := form(t)
	c.heavy()
	var file bytes.Buffer
	if err := node.Backup(t.Context(), c.dirs[0], passphrase, &file); err != nil {
		t.Fatal(err)
	}
	if err := node.Backup(t.Context(), c.dirs[0], "short", io.Discard); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("a short passphrase: %v", err)
	}
	c.stop(2)
	defer c.restart(2)
	restore := func(ctx context.Context, dir, passphrase string, file []byte) error {
		_, err := node.Restore(ctx, node.RestoreConfig{Dir: dir, Name: "pi-1", File: bytes.NewReader(file), Passphrase: passphrase})
		return err
	}
	if err := restore(t.Context(), c.dirs[2], passphrase, file.Bytes()); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("into a member's directory: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if err := restore(t.Context(), dir, "another passphrase", file.Bytes()); err == nil || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("with another passphrase: %v", err)
	}
	if err := restore(t.Context(), dir, passphrase, file.Bytes()[:file.Len()-1]); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("cut: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a file that cannot be opened touched the directory")
	}
	changed := bytes.Clone(file.Bytes())
	changed[200<<10] ^= 1
	if err := restore(t.Context(), dir, passphrase, changed); !errors.Is(err, backup.ErrDamaged) || !strings.Contains(err.Error(), "restore again") || !strings.Contains(err.Error(), dir) {
		t.Errorf("changed: %v", err)
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	if err := restore(interrupted, dir, passphrase, file.Bytes()); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := c.open(2, func(cfg *node.Config) { cfg.Dir = dir }); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("a node started on half of a backup: %v", err)
	}
	if err := restore(t.Context(), dir, passphrase, file.Bytes()); err != nil {
		t.Errorf("after an interrupted attempt: %v", err)
	}
}

func TestLoneSurvivorGoesOnInANewGeneration(t *testing.T) {
	t.Parallel()
	c := form(t)
	c.written(0, "kept")
	c.same()
	c.stop(1)
	refused := func(while string, words ...string) {
		t.Helper()
		agreed := func(node.Survivor) error { return errors.New("somebody was asked") }
		_, err := node.Recover(t.Context(), node.RecoverConfig{Dir: c.dirs[1], Agree: agreed})
		for _, word := range words {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q is not in: %v", while, word, err)
			}
		}
	}
	refused("while the others live", "answer: pi-1 (log to ", ", pi-3 (log to ", "that is a majority of the 3 voters", "goes on without pi-2", "picloud server --dir "+c.dirs[1])
	c.stop(0)
	refused("while another lives", "answer: pi-3 (log to ", "with pi-2 that is a majority of the 3 voters", "start it again")
	c.restart(0)
	c.restart(1)
	refused("while it runs", "in use", "picloud cluster status")
	c.written(1, "whole")
	c.same()
	head := c.nodes[1].Events().Head().Position
	for i := range c.nodes {
		c.stop(i)
	}
	unsure := errors.New("not so fast")
	var asked node.Survivor
	if _, err := node.Recover(t.Context(), node.RecoverConfig{Dir: c.dirs[1], Agree: func(s node.Survivor) error { asked = s; return unsure }}); !errors.Is(err, unsure) {
		t.Errorf("nobody agreed: %v", err)
	}
	if asked.Name != "pi-2" || asked.Position < head {
		t.Errorf("asked about %+v, whose log goes to %d", asked, head)
	}
	for range 2 { // as after a crash in between
		if _, err := node.Recover(t.Context(), node.RecoverConfig{Dir: c.dirs[1]}); err != nil {
			t.Fatal(err)
		}
	}
	c.restart(1)
	c.want(http.StatusOK, 1, "GET", "/products/kept", "")
	if got := generation(t, c.written(1, "alone")); got == 0 {
		t.Error("a position of the former generation was given")
	}
	cluster := c.nodes[1].Views().View().State.Get("/").(*domain.Cluster)
	if g := cluster.Status.Generation; g == nil || *g == 0 {
		t.Errorf("the log does not say that the cluster was recovered: %+v", cluster.Status)
	}
	if _, err := os.Stat(filepath.Join(c.dirs[1], "generation.json")); err == nil {
		t.Error("it is not remembered that this is done")
	}
	c.await("the log says that it votes alone", func() bool {
		alone := true
		for _, name := range []string{"/nodes/pi-1", "/nodes/pi-3"} {
			other := c.nodes[1].Views().State().Get(base.Ref(name)).(*domain.Node)
			alone = alone && other.Status.RaftRole != domain.RaftRoleVoter
		}
		return alone
	})
	c.stop(1)
	refused("while it is the only voter", "pi-2 is the only node that votes", "nothing to recover from", "--anyway")
}
