package iam_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/state"
)

// world is a state that commands move forward, by the law and without a log.
type world struct {
	*testing.T
	state *state.State
	at    base.Position
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, state: state.New()}
	w.do(&domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{
		Domain: "picloud.local", ClusterID: "6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31", EnrollmentMode: domain.EnrollmentModeApprove,
	}})
	return w
}

func (w *world) State() *state.State { return w.state }

var noon = base.TimeOf(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))

// after is the state that commands lead to.
func (w *world) after(commands ...domain.Command) *state.State {
	w.Helper()
	builder := w.state.Build()
	for _, c := range commands {
		check := base.Check{}
		if c.Validate(&check); len(check.Violations) > 0 {
			w.Fatalf("%T: %v", c, check.Violations)
		}
		payloads, err := c.Decide(builder.Peek().Get(c.Subject()))
		if err != nil {
			w.Fatalf("%T: %v", c, err)
		}
		for _, payload := range payloads {
			w.at++
			e := &domain.Event{Position: w.at, Time: noon, Subject: c.Subject(), Actor: "/nodes/pi-1", Payload: payload}
			if change := builder.Fold(e); change.Fault != nil {
				w.Fatal(change.Fault)
			}
		}
	}
	return builder.State()
}

func (w *world) do(commands ...domain.Command) { w.Helper(); w.state = w.after(commands...) }

// node lets a node in and gives it a vault.
func (w *world) node(name string) (*iam.Identity, *iam.Vault) {
	w.Helper()
	i := identity(w.T, filepath.Join(w.TempDir(), name))
	w.do(enrolled(name, i))
	return i, w.vault(i)
}

func (w *world) vault(i *iam.Identity) *iam.Vault {
	return iam.NewVault(iam.VaultConfig{Identity: i, State: w.State, Domain: "picloud.local"})
}

func enrolled(name string, i *iam.Identity) domain.Command {
	return &domain.EnrollNode{Ref: base.Ref("/nodes/" + name), Status: domain.NodeStatus{ID: i.ID(), WrapKey: i.WrapKey()}}
}

// found founds the trust of the world with its first node.
func (w *world) found() (*iam.Identity, *iam.Vault) {
	w.Helper()
	i, v := w.node("pi-1")
	f, err := iam.Found(iam.FoundConfig{Identity: i, Node: "/nodes/pi-1", Authority: authority(w.T)})
	if err != nil {
		w.Fatal(err)
	}
	w.do(f.Commands...)
	if err := f.Certify("pi-1"); err != nil {
		w.Fatal(err)
	}
	return i, v
}

// leave takes a node out of the cluster.
func (w *world) leave(name string) {
	w.Helper()
	ref := base.Ref("/nodes/" + name)
	w.do(&domain.RemoveNode{Ref: ref})
	w.do(w.state.Get(ref).Deletion())
}

// hold gives the keys to exactly these nodes, by the vault of one of them.
func (w *world) hold(v *iam.Vault, names ...string) (commands []domain.Command) {
	w.Helper()
	var refs []base.Ref
	for _, name := range names {
		refs = append(refs, base.Ref("/nodes/"+name))
	}
	commands, err := v.Keyrings(refs)
	if err != nil {
		w.Fatal(err)
	}
	w.do(commands...)
	return commands
}

func seal(t *testing.T, v *iam.Vault, text string) base.Sensitive {
	t.Helper()
	value := base.Sensitive{Clear: []byte(text)}
	if err := v.Seal("/secrets/db", "value", &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func opens(v *iam.Vault, value base.Sensitive) (string, error) {
	clear, err := v.Open("/secrets/db", "value", value)
	return string(clear), err
}

func TestOnlyWhoHoldsAKeyringSealsAndIssues(t *testing.T) {
	w := newWorld(t)
	_, first := w.found()
	_, second := w.node("pi-2")
	value := base.Sensitive{Clear: []byte("hunter2")}
	var refused *base.Error
	if err := second.Seal("/secrets/db", "value", &value); !errors.As(err, &refused) || refused.Code != base.Unavailable {
		t.Errorf("a node without keys seals: %v", err)
	}
	if _, err := second.Authority(); err == nil {
		t.Error("a node without keys opens the authority")
	}
	sealed := seal(t, first, "hunter2")
	w.hold(first, "pi-1", "pi-2")
	if clear, err := opens(second, sealed); err != nil || clear != "hunter2" {
		t.Errorf("with its keyring it opens %q, %v", clear, err)
	}
	one, err1 := first.Authority()
	other, err2 := second.Authority()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if iam.Fingerprint(one.Certificate()) != iam.Fingerprint(other.Certificate()) {
		t.Error("two nodes have two authorities")
	}
	if more := w.hold(first, "pi-1", "pi-2"); len(more) != 0 {
		t.Errorf("what is so already leads to %d commands", len(more))
	}
	if !iam.HoldsKeys(w.state, "/nodes/pi-2") || iam.HoldsKeys(w.state, "/nodes/pi-3") {
		t.Error("who holds keys is said wrongly")
	}
}

func TestRemovedNodeCannotOpenWhatIsSealedAfterwards(t *testing.T) {
	w := newWorld(t)
	_, first := w.found()
	gone, removed := w.node("pi-2")
	w.hold(first, "pi-1", "pi-2")
	before := seal(t, first, "before")
	ring := w.state.Get("/keyrings/pi-2").(*domain.Keyring)
	w.leave("pi-2")
	w.hold(first, "pi-1")
	after := seal(t, first, "after")
	if clear, err := opens(first, before); err != nil || clear != "before" {
		t.Errorf("what was sealed before opens as %q, %v", clear, err)
	}
	if clear, err := opens(first, after); err != nil || clear != "after" {
		t.Errorf("what was sealed afterwards opens as %q, %v", clear, err)
	}
	if _, err := opens(removed, after); err == nil {
		t.Error("the removed node opens it by the log")
	}
	// it kept its keyring and its keys, and even gets the log
	old := newWorld(t)
	old.do(enrolled("pi-2", gone), &domain.ObserveKeyring{Ref: ring.Ref, Status: ring.Status})
	hoarder := old.vault(gone)
	if clear, err := opens(hoarder, before); err != nil || clear != "before" {
		t.Errorf("the test is wrong: what it kept does not open %q, %v", clear, err)
	}
	if _, err := opens(hoarder, after); !errors.Is(err, iam.ErrUnsealable) {
		t.Errorf("with what it kept, the removed node opens it: %v", err)
	}
	_, third := w.node("pi-3")
	w.hold(first, "pi-1", "pi-3")
	for _, value := range []base.Sensitive{before, after} {
		if _, err := opens(third, value); err != nil {
			t.Errorf("a node that came later: %v", err)
		}
	}
}

func TestDemotionWithdrawsTheKeyringAndMakesNoGeneration(t *testing.T) {
	w := newWorld(t)
	_, first := w.found()
	w.node("pi-2")
	w.hold(first, "pi-1", "pi-2")
	commands := w.hold(first, "pi-1")
	if len(commands) != 1 || w.state.Get("/keyrings/pi-2") != nil {
		t.Errorf("demotion led to %d commands", len(commands))
	}
	if ring := w.state.Get("/keyrings/pi-1").(*domain.Keyring); len(ring.Status.Generations) != 1 {
		t.Errorf("there are %d generations", len(ring.Status.Generations))
	}
}

func TestNameTakenOverByAnotherKeyGetsNoFormerKeyring(t *testing.T) {
	w := newWorld(t)
	_, first := w.found()
	w.node("pi-2")
	w.hold(first, "pi-1", "pi-2")
	w.leave("pi-2")
	next := identity(t, t.TempDir())
	w.do(enrolled("pi-2", next))
	w.hold(first, "pi-1", "pi-2")
	ring := w.state.Get("/keyrings/pi-2").(*domain.Keyring)
	if ring.Status.Fingerprint != next.ID() || len(ring.Status.Generations) != 2 {
		t.Errorf("the keyring is %+v", ring.Status)
	}
	if _, err := w.vault(next).Authority(); err != nil {
		t.Error(err)
	}
}

func TestKeyringIsNeverTakenFromWhoWrapsIt(t *testing.T) {
	w := newWorld(t)
	_, first := w.found()
	w.node("pi-2")
	for _, holders := range [][]base.Ref{nil, {"/nodes/pi-2"}, {"/nodes/pi-1", "/nodes/nobody"}} {
		if _, err := first.Keyrings(holders); err == nil {
			t.Errorf("keyrings for %v", holders)
		}
	}
}

func TestKeyringOfAnotherWrapKeyOpensNothingAndSaysSo(t *testing.T) {
	w := newWorld(t)
	i, first := w.found()
	ring := w.state.Get("/keyrings/pi-1").(*domain.Keyring)
	status := ring.Status
	status.Generations = map[string]string{"2": status.Generations["1"]} // wrapped for another generation
	w.do(&domain.ObserveKeyring{Ref: ring.Ref, Status: status})
	if _, err := first.Authority(); err == nil || !strings.Contains(err.Error(), "wrap.key") {
		t.Errorf("a moved key opens: %v", err)
	}
	_ = i
}

func TestNoSecretIsInWhatTheLogHolds(t *testing.T) {
	w := newWorld(t)
	i := identity(t, t.TempDir())
	f, err := iam.Found(iam.FoundConfig{Identity: i, Node: "/nodes/pi-1", Authority: authority(t)})
	if err != nil {
		t.Fatal(err)
	}
	w.do(f.Commands...)
	text, err := json.Marshal(f.Commands)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Commands {
		text = append(text, fmt.Sprintf("%v %+v %#v", c, c, c)...)
	}
	for _, secret := range []string{"PRIVATE KEY"} {
		if bytes.Contains(text, []byte(secret)) {
			t.Errorf("the commands hold %q", secret)
		}
	}
}

// former makes the directory of a release without membership, and its sealer.
func former(t *testing.T, dir string) *iam.Sealer {
	t.Helper()
	a, node := authority(t), identity(t, dir)
	if err := iam.Certify(node, a, "pi-1"); err != nil {
		t.Fatal(err)
	}
	key := bytes.Repeat([]byte{9}, iam.KeySize)
	sealer, err := iam.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM, err := iam.SigningKey(a)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"seal.key": key, "ca.key": keyPEM, "ca.pem": a.PEM()} {
		if err := iam.WriteSecret(filepath.Join(dir, name), content); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"roots.pem", "wrap.key"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return sealer
}

func TestDirectoryOfTheFormerReleaseIsTakenOverAndLosesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	sealer := former(t, dir)
	secret := base.Sensitive{Clear: []byte("hunter2")}
	if err := sealer.Seal("/secrets/db", "value", &secret); err != nil {
		t.Fatal(err)
	}
	open := func() *iam.Identity {
		t.Helper()
		i, err := iam.OpenIdentity(iam.IdentityConfig{Dir: dir, Founded: true})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	i := open()
	if !i.Member() || !i.RenewAt().After(time.Now()) {
		t.Error("the certificate was lost")
	}
	w := newWorld(t)
	w.do(enrolled("pi-1", i))
	cfg := iam.AuthorityConfig{Domain: "picloud.local"}
	v := w.vault(i)
	if err := i.Settle(v); err == nil {
		t.Error("the files go before the log has their content")
	}
	f, err := iam.TakeOver(i, "/nodes/pi-1", cfg)
	if err != nil || f == nil {
		t.Fatal(f, err)
	}
	w.do(f.Commands...)
	if err := i.Settle(v); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.key", "ca.pem", "seal.key"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	again := open()
	v = w.vault(again)
	if clear, err := opens(v, secret); err != nil || clear != "hunter2" {
		t.Errorf("the secret opens as %q, %v", clear, err)
	}
	value := seal(t, v, "hunter2")
	if value.Fingerprint != secret.Fingerprint {
		t.Error("an equal secret is taken for another")
	}
	if a, err := v.Authority(); err != nil || iam.Fingerprint(a.Certificate()) != again.AuthorityFingerprint() {
		t.Errorf("the authority is another: %v", err)
	}
	if f, err := iam.TakeOver(again, "/nodes/pi-1", cfg); f != nil || err != nil {
		t.Errorf("it is taken over twice: %v, %v", f, err)
	}
	if err := again.Settle(v); err != nil {
		t.Error(err)
	}
}

func TestMembersAreTheKeysOfTheFoldedStateAndNobodyElse(t *testing.T) {
	w := newWorld(t)
	i, _ := w.node("pi-1")
	other, _ := w.node("pi-2")
	var strangers []string
	m := &iam.Members{State: w.State, Stranger: func(id string) { strangers = append(strangers, id) }}
	m.Seed([]string{"stranger"})
	for id, admitted := range map[string]bool{i.ID(): true, other.ID(): true, "stranger": false, "": false} {
		if err := m.Admits(id); (err == nil) != admitted {
			t.Errorf("%.8s: %v", id, err)
		}
	}
	if len(strangers) != 2 {
		t.Errorf("strangers are %q", strangers)
	}
	if m.Ref(other.ID()) != "/nodes/pi-2" {
		t.Error("a key is of another node")
	}
	w.leave("pi-2")
	if m.Admits(other.ID()) == nil {
		t.Error("a removed node is admitted")
	}
	w.state = state.New()
	if m.Admits("stranger") != nil || m.Admits(i.ID()) == nil {
		t.Error("without a log, members are not those that the cluster named")
	}
}

func TestNodeKeepsItsKeyAndAKeyItsNode(t *testing.T) {
	w := newWorld(t)
	i, _ := w.node("pi-1")
	other := identity(t, t.TempDir())
	usurped := w.after(&domain.ObserveNode{Ref: "/nodes/pi-1", Status: domain.NodeStatus{ID: other.ID()}})
	twice := w.after(enrolled("pi-2", i))
	fine := w.after(enrolled("pi-2", other))
	for name, c := range map[string]struct {
		after *state.State
		want  bool
	}{"another key": {usurped, false}, "two nodes": {twice, false}, "another node": {fine, true}, "nothing": {w.state, true}} {
		if err := iam.KeepIdentities(w.state, c.after, noon); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClusterKeepsItsOneAuthority(t *testing.T) {
	w := newWorld(t)
	w.found()
	second := w.after(&domain.DeclareAuthority{Ref: "/authorities/mine", Spec: domain.AuthoritySpec{Certificate: "x"}})
	none := w.after(&domain.DeleteAuthority{Ref: iam.AuthorityRef})
	for name, after := range map[string]*state.State{"a second one": second, "none": none} {
		if iam.KeepAuthority(w.state, after, noon) == nil {
			t.Errorf("%s is let pass", name)
		}
	}
	if err := iam.KeepAuthority(newWorld(t).state, w.state, noon); err != nil {
		t.Errorf("the first one: %v", err)
	}
}

func TestEnrolmentTokenIsUsedOnce(t *testing.T) {
	w := newWorld(t)
	declared := func(name string, expires base.Time) domain.Command {
		return &domain.DeclareEnrollmentToken{Ref: base.Ref("/enrollment-tokens/" + name), Spec: domain.EnrollmentTokenSpec{
			Digest: strings.Repeat("0a", 32), ExpiresAt: expires,
		}}
	}
	used := func(name string, by base.Ref) domain.Command {
		return &domain.ObserveEnrollmentToken{Ref: base.Ref("/enrollment-tokens/" + name), Status: domain.EnrollmentTokenStatus{UsedAt: noon, UsedBy: by}}
	}
	w.do(declared("good", noon+1000), declared("late", noon))
	once := w.after(used("good", "/nodes/pi-2"))
	if err := iam.KeepTicketsSingle(w.state, once, noon); err != nil {
		t.Errorf("the first use: %v", err)
	}
	if iam.KeepTicketsSingle(w.state, w.after(used("late", "/nodes/pi-2")), noon) == nil {
		t.Error("a token is used after it expired")
	}
	w.state = once
	if iam.KeepTicketsSingle(once, w.after(used("good", "/nodes/pi-3")), noon) == nil {
		t.Error("a token is used twice")
	}
}

func TestAuthorityOfAnotherKeyIsNotDeclared(t *testing.T) {
	a, b := authority(t), authority(t)
	key, err := iam.SigningKey(b)
	if err != nil {
		t.Fatal(err)
	}
	judge := iam.CheckAuthority("picloud.local")
	for name, c := range map[string]struct {
		certificate []byte
		fine        bool
	}{"its own": {b.PEM(), true}, "another's": {a.PEM(), false}} {
		check := base.Check{}
		judge(&domain.DeclareAuthority{Ref: iam.AuthorityRef, Spec: domain.AuthoritySpec{
			Certificate: string(c.certificate), SigningKey: base.Sensitive{Clear: bytes.Clone(key)},
		}}, &check)
		if (len(check.Violations) == 0) != c.fine {
			t.Errorf("%s: %v", name, check.Violations)
		}
		for _, v := range check.Violations {
			if strings.Contains(v.Message, "PRIVATE KEY-") {
				t.Errorf("it shows the key: %s", v.Message)
			}
		}
	}
}

func TestRestoredClusterOpensWhatTheLostOneSealed(t *testing.T) {
	w := newWorld(t)
	_, first := w.found()
	w.node("pi-2")
	w.hold(first, "pi-1", "pi-2")
	w.leave("pi-2")
	w.hold(first, "pi-1")
	sealed := seal(t, first, "hunter2")
	backup, err := first.Backup()
	if err != nil {
		t.Fatal(err)
	}
	fresh, vault := w.node("new-1") // the log on another machine
	if _, err := opens(vault, sealed); err == nil {
		t.Fatal("the log alone opens it")
	}
	command, err := iam.Restore(fresh, "/nodes/new-1", backup)
	if err != nil {
		t.Fatal(err)
	}
	w.do(command)
	if clear, err := opens(vault, sealed); err != nil || clear != "hunter2" {
		t.Errorf("it opens as %q, %v", clear, err)
	}
	if _, err := vault.Authority(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "{}", `{"1":"AAAA"}`, `{"0":""}`, "x"} {
		if _, err := iam.Restore(fresh, "/nodes/new-1", []byte(bad)); err == nil {
			t.Errorf("%q is taken for a master key", bad)
		}
	}
	if _, err := w.vault(identity(t, t.TempDir())).Backup(); err == nil {
		t.Error("who holds no keys backs them up")
	}
}
