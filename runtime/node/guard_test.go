package node_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog/datadir"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/state"
)

// unopened demands that a node does not open, and gives the reason.
func unopened(t *testing.T, cfg node.Config) error {
	t.Helper()
	n, err := node.Open(t.Context(), cfg)
	if err == nil {
		t.Error("the node opened", n.Close())
		return errors.New("none")
	}
	return err
}

func TestSecondProcessIsRefused(t *testing.T) {
	w := open(t, t.TempDir())
	if err := unopened(t, config(w.dir)); !errors.Is(err, datadir.ErrInUse) {
		t.Errorf("it says %v", err)
	}
	w.do(product("photo")) // the first is not disturbed
}

func TestNamesAreOnesThatAddressesCanCarry(t *testing.T) {
	for _, name := range []string{"Pi 1", "a/b", "..", "-a", "ä"} {
		cfg := config(filepath.Join(t.TempDir(), "d"))
		cfg.Name = name
		if err := unopened(t, cfg); !strings.Contains(err.Error(), "cannot name a node") {
			t.Errorf("%q: %v", name, err)
		}
		cfg.Name, cfg.Domain = "pi-1", name
		if err := unopened(t, cfg); !strings.Contains(err.Error(), "cannot be the domain") {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := os.Stat(cfg.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q left a directory behind: %v", name, err)
		}
	}
}

func TestKeysThatOthersMayReadAreRefused(t *testing.T) {
	w := open(t, t.TempDir())
	w.close()
	for _, name := range []string{"keys/node.key", "keys/wrap.key", "admin.token"} {
		path := filepath.Join(w.dir, name)
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
		if err := unopened(t, config(w.dir)); !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("it says %v", err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.Node = open(t, w.dir).Node
}

func TestCheckpointOfAnotherModelIsFoldedAnew(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	before := w.verified()
	w.close()
	path := filepath.Join(w.dir, "state.checkpoint")
	s, err := state.ReadCheckpoint(disk.OS(), path, schema.ModelDigest)
	if err != nil {
		t.Fatal(err)
	}
	other := s.Build()
	other.Fold(&domain.Event{Position: s.Position, Subject: "/products/ghost", Payload: &domain.ProductDeclared{}})
	if err := other.State().WriteCheckpoint(disk.OS(), path, "another model"); err != nil {
		t.Fatal(err)
	}
	w.Node = open(t, w.dir).Node
	w.continues(before)
}

func TestCheckpointOfAnotherHistoryIsFoldedAnew(t *testing.T) {
	w, other := open(t, t.TempDir()), open(t, t.TempDir())
	w.do(product("photo"))
	other.do(product("ghost"))
	before := w.verified()
	w.close()
	for _, further := range []bool{false, true} { // at the same position, then at one that the log has not
		if further {
			other.restart()
			other.do(product("more"))
		}
		other.close()
		text, err := os.ReadFile(filepath.Join(other.dir, "state.checkpoint"))
		if err == nil {
			err = os.WriteFile(filepath.Join(w.dir, "state.checkpoint"), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		w.Node = open(t, w.dir).Node
		w.continues(before)
		w.close()
	}
}

func TestNodeStartsOnAFullDiskForReading(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	w.close()
	var free atomic.Uint64
	cfg := config(w.dir)
	cfg.Names, cfg.Measure = []string{"192.168.7.7"}, 50*time.Millisecond // news that it cannot report now
	cfg.Disk = consensus.DiskMark{Interval: time.Millisecond, Measure: func(string) (uint64, uint64, error) { return free.Load(), 1 << 40, nil }}
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Node = n
	if w.get("/products/photo") == nil {
		t.Error("what is there cannot be read")
	}
	w.refused(base.Full, request(product("other")))
	free.Store(1 << 39)
	w.await("the node reports itself when there is room again", func() bool {
		return slices.Contains(w.get("/nodes/pi-1").(*domain.Node).Status.Addresses, "192.168.7.7")
	})
}

func TestTokenWorksUntilItExpires(t *testing.T) {
	var later atomic.Int64
	cfg := config(t.TempDir())
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{n, t, cfg.Dir}
	defer w.close()
	token, digest := iam.NewToken()
	w.do(&domain.DeclareToken{Ref: "/tokens/ci", Spec: domain.TokenSpec{
		Role: domain.TokenRoleRead, Digest: digest, ExpiresAt: base.TimeOf(time.Now().Add(time.Hour)),
	}})
	if _, err := w.Door().Authenticate(token); err != nil {
		t.Error(err)
	}
	later.Store(int64(61 * time.Minute))
	if _, err := w.Door().Authenticate(token); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("after an hour it gives %v", err)
	}
	if _, err := w.Door().Authenticate(w.AdminToken()); err != nil {
		t.Error(err)
	}
}

// The log knows how late it is when the clock does not.
func TestExpiredTokenStaysExpiredWhenTheClockGoesBack(t *testing.T) {
	var later atomic.Int64
	cfg := config(t.TempDir())
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{n, t, cfg.Dir}
	defer w.close()
	token, digest := iam.NewToken()
	w.do(&domain.DeclareToken{Ref: "/tokens/ci", Spec: domain.TokenSpec{
		Role: domain.TokenRoleRead, Digest: digest, ExpiresAt: base.TimeOf(time.Now().Add(30 * time.Minute)),
	}})
	later.Store(int64(31 * time.Minute))
	w.do(product("later"))
	later.Store(int64(-30 * 365 * 24 * time.Hour))
	if _, err := w.Door().Authenticate(token); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("a token that expired opens the door again: %v", err)
	}
}

func TestAdministratorIsMadeOnce(t *testing.T) {
	w := open(t, t.TempDir())
	token := w.AdminToken()
	w.do(administrator("other", 0), &domain.DeleteToken{Ref: "/tokens/admin"})
	w.restart()
	if _, err := w.Door().Authenticate(token); err == nil {
		t.Error("a revoked administrator came back with a restart")
	}
	w.close()
	path := filepath.Join(w.dir, "admin.token")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	w.Node = open(t, w.dir).Node
	if w.AdminToken() != "" {
		t.Error("there is a token that nothing knows")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its file: %v", err)
	}
}

// everything keeps what is logged, at every level.
type everything struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (e *everything) Write(b []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.text.Write(b)
}

func TestClearValuesAreInNoMessage(t *testing.T) {
	const value = "correct-horse-battery-staple"
	var said everything
	cfg := config(t.TempDir())
	cfg.Logger = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{n, t, cfg.Dir}
	w.do(product("photo"))
	long := secret("photo", "long", strings.Repeat(value, 3000))
	both := secret("photo", "both", value).(*domain.DeclareSecret)
	both.Spec.Data = map[string]base.Sensitive{"a": {Clear: []byte(value)}}
	for _, refusal := range []*base.Error{
		w.refused(base.Invalid, request(long)),
		w.refused(base.Invalid, request(both)),
		w.refused(base.Invalid, request(secret("none", "db", value))),
		w.refused(base.Invalid, request(secret("photo", "db", value), secret("photo", "db", value))),
	} {
		if strings.Contains(refusal.Error(), value) {
			t.Errorf("a refusal says %.200s", refusal.Error())
		}
	}
	w.do(secret("photo", "db", value))
	w.do(secret("photo", "db", value+"2"))
	w.close()
	if strings.Contains(said.text.String(), value) {
		t.Error("the log of the node holds the value")
	}
}
