package command_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var admin = command.Principal{Actor: "/tokens/admin", Role: command.Admin}

// disk is a disk of 1 TB of which the test says how much is free.
type disk struct{ free atomic.Uint64 }

func (d *disk) measure(string) (free, total uint64, err error) { return d.free.Load(), 1 << 40, nil }

// start opens a node on a disk with room.
func start(t *testing.T) (*node.Node, *disk) {
	t.Helper()
	d := &disk{}
	d.free.Store(1 << 39)
	n, err := node.Open(t.Context(), node.Config{
		Dir: t.TempDir(), Name: "pi-1", Version: "test", Bootstrap: true, Measure: -1,
		Disk: consensus.DiskMark{Interval: time.Millisecond, Measure: d.measure},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, d
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

func request(commands ...domain.Command) *command.Request {
	return &command.Request{Principal: admin, Commands: commands, Correlation: "test"}
}

func must(t *testing.T, n *node.Node, r *command.Request) command.Answer {
	t.Helper()
	answer, err := n.Door().Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// code is the code of a refusal, or "".
func code(err error) base.Code {
	var refusal *base.Error
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return ""
}

func TestOfManyWritersOnOneRevisionExactlyOneWins(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(product("photo"), volume("photo", "media", 1<<30)))
	const rounds, rivals = 20, 8
	for round := range rounds {
		revision := n.Views().View().State.Get("/products/photo/volumes/media").Common().Revision
		var won, stale atomic.Int32
		var group sync.WaitGroup
		for rival := range rivals {
			group.Go(func() {
				r := request(volume("photo", "media", int64(2+round*rivals+rival)<<30))
				r.If.Revisions = []base.Position{revision}
				switch _, err := n.Door().Do(t.Context(), r); {
				case err == nil:
					won.Add(1)
				case code(err) == base.Stale:
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if won.Load() != 1 || stale.Load() != rivals-1 {
			t.Fatalf("round %d: %d won, %d were stale", round, won.Load(), stale.Load())
		}
	}
}

func TestAnswersOfConcurrentWritersAreAllOfOneHistory(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(product("photo")))
	const writers, each = 8, 40
	positions := make(chan base.Position, writers*each)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				ref := base.Ref(fmt.Sprintf("/products/photo/volumes/v%d-%d", w, i))
				answer, err := n.Door().Do(t.Context(), request(volume("photo", ref.Name(), 1<<30)))
				if err != nil {
					t.Error(err)
					return
				}
				// what is answered is seen, at the position that the answer says
				if got := n.Views().View().State.Get(ref); got == nil || got.Common().Revision != answer.Position {
					t.Errorf("%s was answered at position %d and stands as %+v", ref, answer.Position, got)
				}
				positions <- answer.Position
			}
		})
	}
	group.Wait()
	close(positions)
	seen := map[base.Position]bool{}
	for p := range positions {
		if seen[p] {
			t.Errorf("position %d was answered twice", p)
		}
		seen[p] = true
	}
	live, rebuilt, err := n.Views().Verify(n.Events())
	if err != nil || live != rebuilt {
		t.Errorf("readers see %+v, the log makes %+v, %v", live, rebuilt, err)
	}
}

func TestOneKeyAtOnceIsCarriedOutOnce(t *testing.T) {
	n, _ := start(t)
	before := n.Views().View().Position
	var group sync.WaitGroup
	var fresh atomic.Int32
	for range 16 {
		group.Go(func() {
			r := request(product("photo"))
			r.Key = command.Key{Key: sha256.Sum256([]byte("k")), Request: sha256.Sum256([]byte("r"))}
			answer, err := n.Door().Do(t.Context(), r)
			if err != nil || answer.Status != 201 {
				t.Errorf("%+v, %v", answer, err)
			}
			if !answer.Replayed {
				fresh.Add(1)
			}
		})
	}
	group.Wait()
	if after := n.Views().View().Position; fresh.Load() != 1 || after != before+1 {
		t.Errorf("%d requests were new, the log went from %d to %d", fresh.Load(), before, after)
	}
}

func TestFullDiskRefusesWritesAndNothingElse(t *testing.T) {
	n, d := start(t)
	must(t, n, request(product("photo")))
	before := n.Views().View().Position
	d.free.Store(0)
	for !n.Consensus().Full() {
		runtime.Gosched() // the disk is measured every millisecond
	}
	for i := range 3 { // the refused ones leave nothing behind that the next would stand on
		if _, err := n.Door().Do(t.Context(), request(volume("photo", fmt.Sprintf("v%d", i), 1<<30))); code(err) != base.Full {
			t.Errorf("a write on a full disk: %v", err)
		}
	}
	if answer, err := n.Door().Do(t.Context(), request(product("photo"))); err != nil || answer.Events != 0 || answer.Position != before {
		t.Errorf("what is as asked already: %+v, %v", answer, err)
	}
	if n.Views().View().State.Get("/products/photo") == nil {
		t.Error("reads do not go on")
	}
	d.free.Store(1 << 39)
	for n.Consensus().Full() {
		runtime.Gosched()
	}
	if answer := must(t, n, request(volume("photo", "v1", 1<<30))); answer.Position != before+1 {
		t.Errorf("the first write after the disk had room again is at %d, want %d", answer.Position, before+1)
	}
}

func TestClosingDoorAnswersEveryone(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(product("photo")))
	var group sync.WaitGroup
	begun := make(chan struct{}, 64)
	answered := make(chan base.Ref, 1<<16)
	for w := range 32 {
		group.Go(func() {
			for i := 0; ; i++ {
				ref := base.Ref(fmt.Sprintf("/products/photo/volumes/v%d-%d", w, i))
				_, err := n.Door().Do(context.Background(), request(volume("photo", ref.Name(), 1<<30)))
				if i == 0 {
					begun <- struct{}{}
				}
				switch code(err) {
				case "":
					if err != nil {
						t.Error(err)
						return
					}
					answered <- ref
				case base.Unavailable, base.Uncertain:
					return
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for range 32 {
		<-begun
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	close(answered)
	for ref := range answered {
		if n.Views().View().State.Get(ref) == nil {
			t.Errorf("%s was acknowledged and is not there", ref)
		}
	}
	if _, err := n.Door().Do(context.Background(), request(product("late"))); code(err) != base.Unavailable {
		t.Errorf("a request after the end: %v", err)
	}
}

func TestRequestThatEndedBeforeItsDecisionDoesNothing(t *testing.T) {
	n, _ := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 50 {
		name := fmt.Sprintf("p%d", i)
		_, err := n.Door().Do(ctx, request(product(name)))
		must(t, n, request(product("marker-"+name))) // decided after it, if it was decided
		exists := n.Views().View().State.Get(base.Ref("/products/"+name)) != nil
		switch {
		case err == nil && !exists:
			t.Errorf("%s was acknowledged and is not there", name)
		case code(err) == base.Unavailable && exists:
			t.Errorf("%s was said not to be applied, and is there", name)
		case err != nil && code(err) != base.Unavailable && code(err) != base.Uncertain:
			t.Error(err)
		}
	}
}

func TestCascadeEndsWhatIsBelowFirst(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(product("photo"), volume("photo", "media", 1<<30),
		&domain.DeclareContainer{Ref: "/products/photo/containers/api", Spec: domain.ContainerSpec{
			Image: "api:1", Replicas: 1, Restart: domain.RestartPolicyAlways,
			Mounts: map[base.Ref]domain.Mount{"/products/photo/volumes/media": {Path: "/data"}},
		}}))
	before := n.Views().View().Position
	r := request(&domain.DeleteProduct{Ref: "/products/photo"})
	r.DeleteData = true
	answer := must(t, n, r)
	if answer.Status != 204 || answer.Events != 3 {
		t.Errorf("answered %+v", answer)
	}
	batch, err := n.Events().ReadAt(uint64(before + 1))
	if err != nil {
		t.Fatal(err)
	}
	last := strings.LastIndex(string(batch.Payload), "ProductDeleted")
	if batch.Count != 3 || last < strings.LastIndex(string(batch.Payload), "VolumeDeleted") || last < strings.LastIndex(string(batch.Payload), "ContainerDeleted") {
		t.Errorf("the product did not end last: %s", batch.Payload)
	}
}

func TestRightsAreRefusedUnlessGiven(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(product("photo")))
	door := n.Door()
	reader := command.Principal{Actor: "/tokens/eye", Role: command.Reader}
	for _, c := range []struct {
		who        command.Principal
		permission string
		kind       domain.Kind
		ref        base.Ref
		want       bool
	}{
		{reader, "volume:read", domain.KindVolume, "/products/photo/volumes/media", true},
		{reader, "token:read", domain.KindToken, "/tokens/admin", false}, // of /graph/iam
		{reader, "volume:write", domain.KindVolume, "/products/photo/volumes/media", false},
		{reader, "node:drain", domain.KindNode, "/nodes/pi-1", false},
		{admin, "node:drain", domain.KindNode, "/nodes/pi-1", true},
		{admin, "token:read", domain.KindToken, "/tokens/admin", true},
		{admin, "volume:observe", domain.KindVolume, "/products/photo/volumes/media", false}, // reports are the platform's
		{command.Principal{Actor: "/nodes/pi-1", Role: command.Platform}, "volume:observe", domain.KindVolume, "/products/photo/volumes/media", true},
		{command.Principal{}, "volume:read", domain.KindVolume, "/products/photo/volumes/media", false},
		{command.Principal{Role: "owner"}, "volume:read", domain.KindVolume, "/products/photo/volumes/media", false},
	} {
		if got := door.May(c.who, c.permission, c.kind, c.ref) == nil; got != c.want {
			t.Errorf("%q may %s on %s: %v, want %v", c.who.Role, c.permission, c.ref, got, c.want)
		}
	}
	for graph, want := range map[string]bool{"/graph": true, "/graph/iam": false, "/graph/iam/events": false, "/products/photo/graph": true} {
		if got := door.MayReadGraph(reader, graph); got != want {
			t.Errorf("a reader may read %s: %v, want %v", graph, got, want)
		}
	}
}

func TestDeploymentWithoutNameIsRefused(t *testing.T) {
	n, _ := start(t)
	r := request(product("photo"))
	r.Apply = &command.Apply{Prune: true} // would prune whatever belongs to none
	if _, err := n.Door().Do(t.Context(), r); code(err) != base.Invalid {
		t.Errorf("it gave %v", err)
	}
	if n.Views().View().State.Get("/tokens/admin") == nil {
		t.Error("the administrator was pruned")
	}
}

func TestPlanOfAnotherSecretIsAnotherPlan(t *testing.T) {
	n, _ := start(t)
	apply := func(value string) *command.Request {
		r := request(product("photo"), &domain.DeclareSecret{
			Ref: "/products/photo/secrets/db", Spec: domain.SecretSpec{Value: base.Sensitive{Clear: []byte(value)}},
		})
		r.Deployment, r.Apply = "photo", &command.Apply{Deployment: "photo", DryRun: true}
		return r
	}
	one, same, other := must(t, n, apply("a")).Plan, must(t, n, apply("a")).Plan, must(t, n, apply("b")).Plan
	if one.Digest != same.Digest {
		t.Error("the same plan has another digest")
	}
	if one.Digest == other.Digest {
		t.Error("another value has the same digest")
	}
	for _, plan := range []*command.Plan{one, other} {
		if text := fmt.Sprintf("%+v", plan); strings.Contains(text, "sealed") || strings.Contains(text, "fingerprint") {
			t.Errorf("the plan shows what it must not: %s", text)
		}
	}
}

func TestPlanShowsWhatItTakesAlong(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(
		&domain.DeclareIdentity{Ref: "/identities/eva", Spec: domain.IdentitySpec{DisplayName: "Eva", Email: "eva@example.org"}},
		&domain.DeclareGroup{Ref: "/groups/admins", Spec: domain.GroupSpec{Members: []base.Ref{"/identities/eva"}}},
	))
	team := func(commands ...domain.Command) *command.Request {
		r := request(commands...)
		r.Deployment, r.Apply = "team", &command.Apply{Deployment: "team", TakeOver: true, Prune: true}
		return r
	}
	eva := &domain.DeclareIdentity{Ref: "/identities/eva", Deployment: "team", Spec: domain.IdentitySpec{DisplayName: "Eva", Email: "eva@example.org"}}
	must(t, n, team(eva, product("photo")))
	steps := map[base.Ref]command.Action{}
	for _, step := range must(t, n, team(product("photo"))).Plan.Steps {
		steps[step.Ref] = step.Action
	}
	if steps["/identities/eva"] != command.Delete || steps["/groups/admins"] != command.Change {
		t.Errorf("the plan says %v", steps)
	}
}

// faulty is a command whose decision has a fault.
type faulty struct{ domain.DeleteProduct }

func (*faulty) Decide(domain.Resource) ([]domain.Payload, error) { panic("no such case") }

func TestFaultInADecisionHarmsNobodyElse(t *testing.T) {
	n, _ := start(t)
	before := n.Views().View().Position
	_, err := n.Door().Do(t.Context(), request(product("photo"), &faulty{domain.DeleteProduct{Ref: "/products/other"}}))
	if err == nil || code(err) != "" {
		t.Errorf("it gave %v", err)
	}
	if answer := must(t, n, request(product("photo"))); !answer.Created || answer.Position != before+1 {
		t.Errorf("the next request gave %+v", answer)
	}
}

func TestPruningNeverTakesWhatIsListed(t *testing.T) {
	n, _ := start(t)
	eva := &domain.DeclareIdentity{Ref: "/identities/eva", Deployment: "team", Spec: domain.IdentitySpec{DisplayName: "Eva", Email: "eva@example.org"}}
	passkey := &domain.DeclarePasskey{Ref: "/passkeys/eva", Deployment: "team", Spec: domain.PasskeySpec{
		Owner: "/identities/eva", CredentialID: "Y3JlZA", PublicKey: "a2V5",
	}}
	team := func(commands ...domain.Command) *command.Request {
		r := request(commands...)
		r.Deployment, r.Apply = "team", &command.Apply{Deployment: "team", Prune: true}
		return r
	}
	must(t, n, team(eva, passkey))
	_, err := n.Door().Do(t.Context(), team(passkey)) // the owner, pruned, would take it along
	if code(err) != base.Invalid || n.Views().View().State.Get("/passkeys/eva") == nil {
		t.Errorf("it gave %v", err)
	}
}

func TestLongChainsAreCheckedInNoTime(t *testing.T) {
	n, _ := start(t)
	role := func(i int, inherits ...base.Ref) domain.Command {
		return &domain.DeclareRole{Ref: base.Ref(fmt.Sprintf("/roles/r%d", i)), Spec: domain.RoleSpec{Inherits: inherits}}
	}
	const length = 3000
	var commands []domain.Command
	for i := range length {
		commands = append(commands, role(i, base.Ref(fmt.Sprintf("/roles/r%d", i+1))))
	}
	must(t, n, request(append(commands, role(length))...))
	if _, err := n.Door().Do(t.Context(), request(role(length, "/roles/r0"))); code(err) != base.Invalid {
		t.Errorf("a circle of %d roles gave %v", length, err)
	}
}
