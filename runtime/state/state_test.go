package state

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

// chain folds events one after the other, a batch each.
type chain struct{ *Builder }

func newChain() chain { return chain{New().Build()} }

func (c chain) event(subject base.Ref, p domain.Payload) Change {
	at := c.Peek().Head
	e := &domain.Event{Position: at.Position + 1, Subject: subject, Time: at.Time + 1000, Actor: "/nodes/pi-1", Correlation: "c", Payload: p}
	change := c.Fold(e)
	c.Move(Head{Position: e.Position, Time: e.Time, Chain: [32]byte{byte(e.Position)}})
	return change
}

func (c chain) product(name string) base.Ref {
	ref := base.Ref("/products/" + name)
	c.event(ref, &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}})
	return ref
}

func (c chain) secret(product, name string) base.Ref {
	ref := base.Ref("/products/" + product + "/secrets/" + name)
	c.event(ref, &domain.SecretDeclared{Spec: domain.SecretSpec{Value: base.Sensitive{Sealed: []byte(name), Fingerprint: "f" + name}}})
	return ref
}

func (c chain) snapshot(name string, volume base.Ref) base.Ref {
	ref := base.Ref("/products/photo/snapshots/" + name)
	c.event(ref, &domain.SnapshotDeclared{Spec: domain.SnapshotSpec{Volume: volume}})
	return ref
}

func refs(entries func(func(Entry) bool)) (list []base.Ref) {
	for e := range entries {
		list = append(list, e.Resource.Common().Ref)
	}
	return list
}

func TestStateNeverChangesOnceItIsMade(t *testing.T) {
	c := newChain()
	c.product("photo")
	before := c.State()
	digest := before.Digest()
	fork := before.Build()
	chain{fork}.product("other")
	c.secret("photo", "db")
	c.event("/products/photo", &domain.ProductDeleted{})
	if before.Digest() != digest || before.Len() != 1 {
		t.Error("a builder changed the state that it was made of")
	}
	if fork.Peek().Get("/products/photo") == nil || c.Peek().Get("/products/other") != nil {
		t.Error("two builders of one state see each other")
	}
}

func TestListsSkipWhatLiesBelow(t *testing.T) {
	c := newChain()
	for _, name := range []string{"photo", "photo-2", "a", "z"} {
		c.product(name)
		c.secret(name, "db")
		c.secret(name, "other")
	}
	s := c.State()
	want := []base.Ref{"/products/a", "/products/photo", "/products/photo-2", "/products/z"}
	if got := refs(s.List("/products", "")); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("all products: %v", got)
	}
	if got := refs(s.List("/products", "photo")); !slices.Equal(got, []base.Ref{"/products/photo-2", "/products/z"}) {
		t.Errorf("products after photo: %v", got)
	}
	if got := refs(s.Below("/products/photo")); !slices.Equal(got, []base.Ref{"/products/photo/secrets/db", "/products/photo/secrets/other"}) {
		t.Errorf("below photo: %v", got)
	}
	if got := refs(s.List("/products/photo/secrets/", "db")); !slices.Equal(got, []base.Ref{"/products/photo/secrets/other"}) {
		t.Errorf("secrets after db: %v", got)
	}
}

func TestCollectionsRememberWhatIsGone(t *testing.T) {
	c := newChain()
	c.product("photo")
	ref := c.secret("photo", "db")
	c.event(ref, &domain.SecretDeleted{})
	if got := c.Peek().LastIn("/products/photo/secrets"); got != 3 {
		t.Errorf("the collection was last touched at %d, want 3", got)
	}
	c.event("/products/photo", &domain.ProductDeleted{})
	if got := c.Peek().LastIn("/products/photo/secrets"); got != 0 {
		t.Errorf("the collection of a product that is gone was touched at %d", got)
	}
}

func TestReferrersFollowEveryChange(t *testing.T) {
	c := newChain()
	a, b := base.Ref("/products/photo/volumes/a"), base.Ref("/products/photo/volumes/b")
	ref := c.snapshot("s", a)
	if got := slices.Collect(c.Peek().Referrers(a)); len(got) != 1 || got[0].Common().Ref != ref {
		t.Errorf("a is referred to by %v", got)
	}
	c.event(ref, &domain.SnapshotChanged{Spec: domain.SnapshotSpec{Volume: b}, Changed: []string{"/volume"}})
	for target, want := range map[base.Ref]int{a: 0, b: 1, "/products/photo/volumes/": 0} {
		if got := slices.Collect(c.Peek().Referrers(target)); len(got) != want {
			t.Errorf("%s is referred to by %v, want %d", target, got, want)
		}
	}
	c.event(ref, &domain.SnapshotDeleted{})
	if got := slices.Collect(c.Peek().Referrers(b)); len(got) != 0 {
		t.Errorf("after the end of the referrer: %v", got)
	}
}

func TestUnfoldableEventSetsItsSubjectAside(t *testing.T) {
	c := newChain()
	ref := c.product("photo")
	before := c.State()
	if change := c.event(ref, &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "2.0.0"}}); change.Fault == nil {
		t.Fatal("the second birth of a product was folded")
	}
	head := c.Peek().Get(ref).Common()
	if head.Phase != PhaseUnfoldable || head.Reason == "" || head.Last != 2 || head.Revision != 1 {
		t.Errorf("its head is %+v", head)
	}
	if before.Get(ref).Common().Phase == PhaseUnfoldable {
		t.Error("an earlier state changed")
	}
	if change := c.event("/products/none", &domain.ProductDeleted{}); change.Fault == nil || c.Peek().Get("/products/none") != nil {
		t.Error("the end of what never was made something")
	}
	c.product("other")
	if c.Peek().Get("/products/other") == nil {
		t.Error("the fold stopped")
	}
}

// The power goes in each single change of the disk: the former checkpoint or the
// new one is there, whole.
func TestPowerCutLeavesAWholeCheckpoint(t *testing.T) {
	c := newChain()
	c.product("photo")
	old := c.State()
	c.secret("photo", "db")
	now := c.State()
	for seed := range uint64(20) {
		for at := 1; ; at++ {
			d := faulty.New(rand.New(rand.NewPCG(seed, 0)))
			if err := d.MkdirAll("dir", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := old.WriteCheckpoint(d, "dir/checkpoint", "m"); err != nil {
				t.Fatal(err)
			}
			d.CutAt(at)
			err := now.WriteCheckpoint(d, "dir/checkpoint", "m")
			read, damage := ReadCheckpoint(d.After(), "dir/checkpoint", "m")
			if damage != nil || read.Digest() != now.Digest() && (err == nil || read.Digest() != old.Digest()) {
				t.Fatalf("seed %d, cut at %d (%v): %v", seed, at, err, damage)
			}
			if err == nil {
				break
			}
		}
	}
}

func TestCheckpointReadsBackTheSameState(t *testing.T) {
	c := newChain()
	c.product("photo")
	c.secret("photo", "db")
	c.snapshot("s", "/products/photo/volumes/a")
	c.Receive(Receipt{Key: [32]byte{1}, Request: [32]byte{2}, Status: 201, Position: 3, Time: 3000})
	path := filepath.Join(t.TempDir(), "state.checkpoint")
	if _, err := ReadCheckpoint(disk.OS(), path, "m1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no checkpoint gives %v", err)
	}
	s := c.State()
	if err := s.WriteCheckpoint(disk.OS(), path, "m1"); err != nil {
		t.Fatal(err)
	}
	read, err := ReadCheckpoint(disk.OS(), path, "m1")
	if err != nil {
		t.Fatal(err)
	}
	if read.Digest() != s.Digest() || read.Head != s.Head {
		t.Error("another state came back")
	}
	receipt, ok := read.Receipt([32]byte{1})
	if want, _ := s.Receipt([32]byte{1}); !ok || receipt != want {
		t.Errorf("the receipt is %+v", receipt)
	}
	if got := slices.Collect(read.Referrers("/products/photo/volumes/a")); len(got) != 1 {
		t.Errorf("referrers are %v", got)
	}
	if diff := cmp.Diff(s.Get("/products/photo/secrets/db"), read.Get("/products/photo/secrets/db")); diff != "" {
		t.Error(diff)
	}
	// Both go on alike.
	chain{c.Builder}.secret("photo", "late")
	other := chain{read.Build()}
	other.secret("photo", "late")
	if other.Peek().Digest() != c.Peek().Digest() {
		t.Error("they go on differently")
	}
	if _, err := ReadCheckpoint(disk.OS(), path, "m2"); !errors.Is(err, ErrOtherModel) {
		t.Errorf("another model gives %v", err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
}

func TestDamagedCheckpointIsRefused(t *testing.T) {
	c := newChain()
	c.product("photo")
	c.secret("photo", "db")
	path := filepath.Join(t.TempDir(), "state.checkpoint")
	if err := c.State().WriteCheckpoint(disk.OS(), path, "m1"); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		if _, err := decodeCheckpoint(whole[:i], "m1"); err == nil {
			t.Fatalf("%d of %d bytes were taken for the whole", i, len(whole))
		}
		if i == len(whole)-1 {
			break // the new line at the end says nothing
		}
		damaged := slices.Clone(whole)
		damaged[i] ^= 1
		if _, err := decodeCheckpoint(damaged, "m1"); err == nil {
			t.Fatalf("a flipped bit in byte %d was not noticed", i)
		}
	}
}

func TestReceiptsExpireByAgeAndNumber(t *testing.T) {
	r := newReceipts()
	receipt := func(i int, at base.Time) Receipt {
		return Receipt{Key: [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, Position: base.Position(i + 1), Time: at}
	}
	r.add(receipt(0, 1000))
	r.expire(1000 + ReceiptMillis - 1)
	if _, ok := r.get(receipt(0, 0).Key); !ok {
		t.Error("a receipt expired before its time")
	}
	r.expire(1000 + ReceiptMillis)
	if _, ok := r.get(receipt(0, 0).Key); ok {
		t.Error("a receipt outlived its time")
	}
	for i := range ReceiptsMax + 10 {
		r.add(receipt(i, 5000))
	}
	r.expire(5000)
	if n := r.byKey.Len(); n != ReceiptsMax || n != r.byPosition.Len() {
		t.Errorf("%d receipts are kept", n)
	}
	if _, ok := r.get(receipt(9, 0).Key); ok {
		t.Error("the oldest is kept")
	}
	r.add(Receipt{Key: receipt(10, 0).Key, Position: 1 << 40, Time: 6000}) // one key, a later request
	if r.byKey.Len() != r.byPosition.Len() {
		t.Error("a key that came again left a trace")
	}
}

func TestBatchReadsBackAsItWas(t *testing.T) {
	b := Batch{
		Events: []*domain.Event{
			{Subject: "/products/photo", Actor: "/tokens/admin", Correlation: "c", Deployment: "d", Trace: "00-1", Payload: &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}}},
			{Subject: "/products/photo/secrets/db", Previous: 3, Actor: "/tokens/admin", Causation: "3", Payload: &domain.SecretDeleted{}},
		},
		Receipt: &Receipt{Key: [32]byte{1}, Request: [32]byte{2}, Status: 201},
	}
	got, err := DecodeBatch(7, 1000, AppendBatch(nil, b))
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range b.Events {
		e.Position, e.Time = base.Position(7+i), 1000
	}
	b.Receipt.Position, b.Receipt.Time = 8, 1000
	if diff := cmp.Diff(b, got); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"", "{}", `{"events":[{}]}`, `{"events":5}`, `{"events":[],"receipt":{}}`, `{"receipt":1}`} {
		if got, err := DecodeBatch(1, 1, []byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, got)
		}
	}
}

// The state of any history is what a plain map says.
func TestStateAgreesWithAPlainMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newChain()
		model := map[base.Ref]bool{}
		names := rapid.SampledFrom([]string{"a", "a-b", "ab", "b"})
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			ref := base.Ref("/products/" + names.Draw(t, "product"))
			secret := rapid.Bool().Draw(t, "secret")
			if secret {
				ref += base.Ref("/secrets/" + names.Draw(t, "name"))
			}
			var payload domain.Payload
			switch {
			case secret && model[ref]:
				payload = &domain.SecretDeleted{}
			case secret:
				payload = &domain.SecretDeclared{}
			case model[ref]:
				payload = &domain.ProductDeleted{}
			default:
				payload = &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}}
			}
			if change := c.event(ref, payload); change.Fault != nil {
				t.Fatal(change.Fault)
			}
			if model[ref] {
				delete(model, ref)
			} else {
				model[ref] = true
			}
		}
		var products, all []base.Ref
		for ref := range model {
			all = append(all, ref)
			if strings.Count(string(ref), "/") == 2 {
				products = append(products, ref)
			}
		}
		slices.Sort(all)
		slices.Sort(products)
		if got := refs(c.Peek().All()); !slices.Equal(got, all) {
			t.Fatalf("all: %v, want %v", got, all)
		}
		if got := refs(c.Peek().List("/products", "")); !slices.Equal(got, products) {
			t.Fatalf("products: %v, want %v", got, products)
		}
	})
}
