package node_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/runtime/node"
)

// journal is what a node logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// Somebody tampers with the archive of one node: what was changed is named and refused,
// the cluster serves on, and the node has its history whole again as soon as anybody
// asks for it.
func TestTamperedArchiveIsRefusedAndHealedFromMembers(t *testing.T) {
	t.Parallel()
	small := func(cfg *node.Config) { cfg.Segment = 2 << 10 }
	c := form(t, small)
	one := c.follower()
	for i := range 40 {
		c.written(one, fmt.Sprint("before-", i))
	}
	c.same()
	if err := c.nodes[one].Events().Archive(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.stop(one)
	archives, err := filepath.Glob(filepath.Join(c.dirs[one], "log", "events-*.arc"))
	if err != nil || len(archives) < 4 {
		t.Fatal("too few archives: ", archives, err)
	}
	flip(t, archives[0])
	cut(t, archives[1])
	sealed := segmentsOf(t, c.dirs[one])
	if err := errors.Join(os.Remove(archives[2]), os.Remove(archives[3]), os.Remove(sealed[0])); err != nil {
		t.Fatal(err)
	}
	var said journal
	c.start(one, small, func(cfg *node.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
	c.written(one, "meanwhile")
	all := c.want(http.StatusOK, c.leader(), "GET", "/events?after=0&follow=false", "", "Accept: application/x-ndjson").body
	c.await("the node has the whole history again", func() bool {
		a, err := c.ask(one, "GET", "/events?after=0&follow=false", "", "Accept: application/x-ndjson")
		return err == nil && a.status == http.StatusOK && strings.HasPrefix(a.body, all)
	})
	if _, err := c.nodes[one].Events().Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if text := said.String(); !strings.Contains(text, "damaged parts of the event log were fetched again") || !strings.Contains(text, filepath.Base(archives[0])) {
		t.Errorf("the log of the node does not say what was healed: %s", text)
	}
	c.same()
}
