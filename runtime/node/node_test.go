package node_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(childRestore) != "":
		restoreChild()
		return
	case os.Getenv(childDir) != "":
		runChild()
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds what should take no time.
const patience = 30 * time.Second

var admin = command.Principal{Actor: "/tokens/admin", Role: command.Admin}

// whole is a running node under test.
type whole struct {
	*node.Node
	t   testing.TB
	dir string
}

func config(dir string) node.Config {
	return node.Config{
		Dir: dir, Name: "pi-1", Version: "test", Bootstrap: true, Measure: -1,
		Disk: consensus.DiskMark{MinFree: 1, MinPercent: 1}, // the test machine's disk may be nearly full
	}
}

func open(t testing.TB, dir string) *whole {
	t.Helper()
	w := &whole{t: t, dir: dir}
	w.open()
	t.Cleanup(w.close)
	return w
}

func (w *whole) open() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cfg := config(w.dir)
	cfg.Logger = slog.New(slog.NewTextHandler(failing{w.t}, &slog.HandlerOptions{Level: slog.LevelError}))
	n, err := node.Open(ctx, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Node = n
}

// failing makes what is logged as an error fail the test.
type failing struct{ t testing.TB }

func (f failing) Write(b []byte) (int, error) {
	f.t.Errorf("logged: %s", b)
	return len(b), nil
}

func (w *whole) close() {
	if w.Node == nil {
		return
	}
	if err := w.Close(); err != nil {
		w.t.Errorf("close: %v", err)
	}
	w.Node = nil
}

// restart closes the node and opens it again on the same directory.
func (w *whole) restart() {
	w.t.Helper()
	w.close()
	w.open()
}

func request(commands ...domain.Command) *command.Request {
	return &command.Request{Principal: admin, Commands: commands, Correlation: uuid.NewString()}
}

func (w *whole) try(r *command.Request) (command.Answer, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return w.Door().Do(ctx, r)
}

func (w *whole) do(commands ...domain.Command) command.Answer {
	w.t.Helper()
	return w.ask(request(commands...))
}

func (w *whole) ask(r *command.Request) command.Answer {
	w.t.Helper()
	answer, err := w.try(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer
}

// refused demands an error of a code and gives it.
func (w *whole) refused(code base.Code, r *command.Request) *base.Error {
	w.t.Helper()
	before := w.Views().View().Position
	_, err := w.try(r)
	var refusal *base.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		w.t.Fatalf("got %v, want a refusal with code %s", err, code)
	}
	if after := w.Views().View().Position; after != before {
		w.t.Fatalf("a refusal moved the log from %d to %d", before, after)
	}
	return refusal
}

func (w *whole) position() base.Position { return w.Views().View().Position }

func (w *whole) get(ref base.Ref) domain.Resource { return w.Views().View().State.Get(ref) }

// continues demands that the log goes on behind what was there, and says nothing
// more than that the node leads, once for each start.
func (w *whole) continues(before projection.Sums) {
	w.t.Helper()
	w.verified()
	for b, err := range w.Events().Read(uint64(before.Position) - 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		if b.Last() == uint64(before.Position) {
			if b.Digest != eventlog.Digest(before.Chain) {
				w.t.Errorf("the log has another history up to position %d", before.Position)
			}
			continue
		}
		batch, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range batch.Events {
			if e.Payload.Type() != domain.TypeLeaderChanged {
				w.t.Errorf("the start wrote %s of %s", e.Payload.Type(), e.Subject)
			}
		}
	}
}

// verified demands that readers see what the log makes.
func (w *whole) verified() projection.Sums {
	w.t.Helper()
	live, rebuilt, err := w.Views().Verify(w.Events())
	if err != nil {
		w.t.Fatal(err)
	}
	if live != rebuilt {
		w.t.Fatalf("readers see %+v, the log makes %+v", live, rebuilt)
	}
	return live
}

func product(name string) domain.Command {
	return &domain.DeclareProduct{Ref: base.Ref("/products/" + name), Spec: domain.ProductSpec{Version: "1.0.0"}}
}

func volume(product, name string, size int64) domain.Command {
	return &domain.DeclareVolume{
		Ref:  base.Ref("/products/" + product + "/volumes/" + name),
		Spec: domain.VolumeSpec{Size: size, Mode: domain.VolumeModeMounted},
	}
}

func container(product, name string, volumes ...base.Ref) *domain.DeclareContainer {
	c := &domain.DeclareContainer{
		Ref:  base.Ref("/products/" + product + "/containers/" + name),
		Spec: domain.ContainerSpec{Image: "photo-api:1.0.0", Replicas: 1, Restart: domain.RestartPolicyAlways},
	}
	for _, v := range volumes {
		if c.Spec.Mounts == nil {
			c.Spec.Mounts = map[base.Ref]domain.Mount{}
		}
		c.Spec.Mounts[v] = domain.Mount{Path: "/data/" + v.Name()}
	}
	return c
}

func secret(product, name, value string) domain.Command {
	return &domain.DeclareSecret{
		Ref:  base.Ref("/products/" + product + "/secrets/" + name),
		Spec: domain.SecretSpec{Value: base.Sensitive{Clear: []byte(value)}},
	}
}

func TestFirstStartFoundsAClusterThatExplainsItself(t *testing.T) {
	w := open(t, t.TempDir())
	cluster, _ := w.get("/").(*domain.Cluster)
	if cluster == nil || cluster.Spec.ClusterID == "" || cluster.Spec.Description == nil {
		t.Fatalf("the cluster is %+v", cluster)
	}
	self, _ := w.get("/nodes/pi-1").(*domain.Node)
	if self == nil || self.Phase != domain.PhaseReady || self.Status.Capacity == nil || self.Status.CertFingerprint == "" {
		t.Fatalf("the node is %+v", self)
	}
	principal, err := w.Door().Authenticate(w.AdminToken())
	if err != nil || principal != admin {
		t.Errorf("the administrator's token gives %+v, %v", principal, err)
	}
	if _, err := w.Door().Authenticate(w.AdminToken() + "x"); err == nil {
		t.Error("another token is let in")
	}
	info, err := os.Stat(w.dir + "/admin.token")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("admin.token: %v, %v", info.Mode(), err)
	}
	w.verified()
}

func TestRestartContinuesAndWritesOnlyWhoLeads(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), volume("photo", "media", 1<<30), secret("photo", "db", "hunter2"))
	before, token := w.verified(), w.AdminToken()
	w.restart()
	w.continues(before)
	if w.AdminToken() != token {
		t.Error("the administrator has another token after a restart")
	}
	w.close()
	if err := os.Remove(w.dir + "/state.checkpoint"); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.continues(before)
}

func TestDamagedCheckpointIsFoldedAnew(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	before := w.verified()
	w.close()
	path := w.dir + "/state.checkpoint"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.continues(before)
}

func TestAnotherDomainIsRefused(t *testing.T) {
	w := open(t, t.TempDir())
	w.close()
	cfg := config(w.dir)
	cfg.Domain = "other.example"
	if n, err := node.Open(t.Context(), cfg); err == nil {
		t.Error("the node of another cluster started")
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRevokedAndExpiredTokensOpenNothing(t *testing.T) {
	w := open(t, t.TempDir())
	text, digest := iam.NewToken()
	old, oldDigest := iam.NewToken()
	w.do(
		&domain.DeclareToken{Ref: "/tokens/ci", Spec: domain.TokenSpec{Role: domain.TokenRoleRead, Digest: digest}},
		&domain.DeclareToken{Ref: "/tokens/old", Spec: domain.TokenSpec{Role: domain.TokenRoleAdmin, Digest: oldDigest, ExpiresAt: base.TimeOf(time.Now().Add(-time.Second))}},
	)
	reader, err := w.Door().Authenticate(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Door().Authenticate(old); err == nil {
		t.Error("an expired token is let in")
	}
	r := request(product("photo"))
	r.Principal = reader
	w.refused(base.Forbidden, r)
	r.Principal = command.Principal{}
	w.refused(base.Forbidden, r)
	w.do(&domain.DeleteToken{Ref: "/tokens/ci"})
	if _, err := w.Door().Authenticate(text); err == nil {
		t.Error("a revoked token is let in")
	}
}
