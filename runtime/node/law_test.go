package node_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
)

func TestCommandsOfABatchComeInAnyOrder(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(container("photo", "api", "/products/photo/volumes/media"), volume("photo", "media", 1<<30), product("photo"))
	if w.get("/products/photo/containers/api") == nil {
		t.Error("the container is not there")
	}
	w.verified()
}

func TestMissingReferencesAreRefusedWithTheirPlace(t *testing.T) {
	w := open(t, t.TempDir())
	refusal := w.refused(base.Invalid, request(volume("photo", "media", 1<<30)))
	if len(refusal.Violations) != 1 || refusal.Violations[0].Pointer != "/product" {
		t.Errorf("a missing product: %v", refusal)
	}
	w.do(product("photo"), volume("photo", "media", 1<<30))
	refusal = w.refused(base.Invalid, request(container("photo", "api", "/products/photo/volumes/medio")))
	if len(refusal.Violations) != 1 || !strings.HasPrefix(refusal.Violations[0].Pointer, "/mounts/") || !strings.Contains(refusal.Violations[0].Message, `"media"`) {
		t.Errorf("a missing volume: %+v", refusal.Violations)
	}
	wrong := container("photo", "api")
	wrong.Spec.Identity = "/products/photo/volumes/media"
	if refusal = w.refused(base.Invalid, request(wrong)); !strings.Contains(refusal.Error(), "volume") {
		t.Errorf("a reference to another kind: %v", refusal)
	}
}

func TestTwoDeclarationsOfOneResourceAreRefused(t *testing.T) {
	w := open(t, t.TempDir())
	w.refused(base.Invalid, request(product("photo"), product("photo")))
	w.do(product("photo"), container("photo", "api"))
	refusal := w.refused(base.Conflict, request(&domain.DeclareBinary{
		Ref: "/products/photo/binaries/api", Spec: domain.BinarySpec{Executable: "/usr/bin/api", Replicas: 1, Restart: domain.RestartPolicyAlways},
	}))
	if !slices.Contains(refusal.Resources, "/products/photo/containers/api") {
		t.Errorf("the conflict names %v", refusal.Resources)
	}
}

func TestCirclesOfReferencesAreRefused(t *testing.T) {
	w := open(t, t.TempDir())
	role := func(name string, inherits ...base.Ref) domain.Command {
		return &domain.DeclareRole{Ref: base.Ref("/roles/" + name), Spec: domain.RoleSpec{Inherits: inherits}}
	}
	refusal := w.refused(base.Invalid, request(role("a", "/roles/b"), role("b", "/roles/c"), role("c", "/roles/a")))
	if !strings.Contains(refusal.Detail, "circle") {
		t.Errorf("the refusal says %q", refusal.Detail)
	}
	w.do(role("a", "/roles/b"), role("b", "/roles/c"), role("c"))
	w.refused(base.Invalid, request(role("c", "/roles/a")))
	w.refused(base.Invalid, request(role("c", "/roles/c")))
}

func TestDeletionIsRefusedWithTheListOfReferrers(t *testing.T) {
	w := open(t, t.TempDir())
	const media base.Ref = "/products/photo/volumes/media"
	w.do(product("photo"), volume("photo", "media", 1<<30), container("photo", "api", media), container("photo", "web", media))
	refusal := w.refused(base.Conflict, request(&domain.DeleteVolume{Ref: media}))
	want := []base.Ref{"/products/photo/containers/api", "/products/photo/containers/web"}
	if !slices.Equal(refusal.Resources, want) {
		t.Errorf("the refusal lists %v, want %v", refusal.Resources, want)
	}
	// The referrers go, or let go, in the same request.
	w.do(&domain.DeleteVolume{Ref: media}, &domain.DeleteContainer{Ref: want[0]}, container("photo", "web"))
	if w.get(media) != nil {
		t.Error("the volume is still there")
	}
	w.verified()
}

func TestProductCascadesToAllBelowIt(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"), product("photo-2"), volume("photo", "media", 1<<30), secret("photo", "db", "x"),
		container("photo", "api", "/products/photo/volumes/media"), container("photo-2", "api"))
	gone := request(&domain.DeleteProduct{Ref: "/products/photo"})
	refusal := w.refused(base.Conflict, gone)
	if !strings.Contains(refusal.Detail, "delete-data=true (--delete-data)") {
		t.Errorf("it says %s", refusal.Detail)
	}
	if want := []base.Ref{"/products/photo/secrets/db", "/products/photo/volumes/media"}; !slices.Equal(refusal.Resources, want) {
		t.Errorf("what holds data is %v, want %v", refusal.Resources, want)
	}
	gone.DeleteData = true
	answer := w.ask(gone)
	if answer.Events != 4 {
		t.Errorf("%d events, want 4", answer.Events)
	}
	for entry := range w.Views().View().State.Below("/products/photo") {
		t.Errorf("%s is still there", entry.Resource.Common().Ref)
	}
	if w.get("/products/photo-2/containers/api") == nil {
		t.Error("a product of a longer name lost its container")
	}
	w.verified()
	w.restart()
	if w.get("/products/photo/volumes/media") != nil {
		t.Error("a deleted volume came back")
	}
	w.do(product("photo"))
}

func TestClearedReferencesLetGo(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(&domain.DeclareIdentity{Ref: "/identities/ada", Spec: domain.IdentitySpec{DisplayName: "Ada", Email: "ada@example.org"}},
		&domain.DeclareGroup{Ref: "/groups/admins", Spec: domain.GroupSpec{Members: []base.Ref{"/identities/ada"}}})
	w.do(&domain.DeleteIdentity{Ref: "/identities/ada"})
	if group := w.get("/groups/admins").(*domain.Group); len(group.Spec.Members) != 0 {
		t.Errorf("the group still has %v", group.Spec.Members)
	}
	w.verified()
}

func TestUnchangedDeclarationsWriteNoEvent(t *testing.T) {
	w := open(t, t.TempDir())
	all := func() []domain.Command {
		return []domain.Command{product("photo"), volume("photo", "media", 1<<30), secret("photo", "db", "hunter2"),
			container("photo", "api", "/products/photo/volumes/media")}
	}
	w.do(all()...)
	before := w.position()
	if answer := w.do(all()...); answer.Events != 0 || answer.Position != before || w.position() != before {
		t.Errorf("the same again: %+v, the log went from %d to %d", answer, before, w.position())
	}
	kept := &domain.DeclareSecret{Ref: "/products/photo/secrets/db"} // the value is not said: it stays
	if answer := w.do(kept); answer.Events != 0 {
		t.Errorf("a secret that does not say its value: %+v", answer)
	}
	if answer := w.do(secret("photo", "db", "other")); answer.Events != 1 {
		t.Errorf("another value: %+v", answer)
	}
}

func TestSecretsAppearNowhere(t *testing.T) {
	w := open(t, t.TempDir())
	const value = "correct-horse-battery-staple"
	w.do(product("photo"), secret("photo", "db", value))
	for q := range w.Views().View().Graph.Quads(anything) {
		if strings.Contains(q.O.Value, value) {
			t.Errorf("the graph holds %v", q)
		}
	}
	w.close()
	if err := filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(value)) {
			t.Errorf("%s holds the clear value", path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func TestPreconditionsGuardTheDeclarationOnly(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	revision := w.do(volume("photo", "media", 1<<30)).Position
	w.ask(&command.Request{ // an observation does not disturb
		Principal: command.Principal{Actor: "/nodes/pi-1", Role: command.Platform},
		Commands: []domain.Command{&domain.ObserveVolume{
			Ref: "/products/photo/volumes/media", Of: revision, Status: domain.VolumeStatus{Used: new(int64(5))},
		}},
	})
	change := request(volume("photo", "media", 2<<30))
	change.If = command.Precondition{Revisions: []base.Position{revision}}
	now := w.ask(change).Position
	change.Commands = []domain.Command{volume("photo", "media", 3<<30)}
	if refusal := w.refused(base.Stale, change); refusal.Revision != now {
		t.Errorf("the refusal says revision %d, want %d", refusal.Revision, now)
	}
	change.If = command.Precondition{Absent: true}
	w.refused(base.Stale, change)
	change.Commands, change.If = []domain.Command{volume("photo", "other", 1<<30)}, command.Precondition{Exists: true}
	w.refused(base.Stale, change)
}

func key(text, body string) command.Key {
	return command.Key{Key: sha256.Sum256([]byte(text)), Request: sha256.Sum256([]byte(body))}
}

func TestRepeatedRequestIsAnsweredAsBefore(t *testing.T) {
	w := open(t, t.TempDir())
	r := request(product("photo"))
	r.Key = key("k1", "PUT photo")
	first := w.ask(r)
	if first.Status != 201 {
		t.Errorf("the first answer has status %d", first.Status)
	}
	w.do(&domain.DeleteProduct{Ref: "/products/photo"})
	for range 2 {
		position := w.position()
		again := w.ask(r)
		if !again.Replayed || again.Status != first.Status || w.position() != position || w.get("/products/photo") != nil {
			t.Errorf("repeated: %+v, the log went from %d to %d", again, position, w.position())
		}
		w.restart() // receipts are part of the state
	}
	r.Key = key("k1", "PUT something else")
	w.refused(base.Invalid, r)
}
