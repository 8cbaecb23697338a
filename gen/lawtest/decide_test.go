package lawtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/generated/schema"
)

// refused demands an error of a code whose sentence holds some words.
func refused(t *testing.T, before domain.Resource, c domain.Command, code base.Code, words string) *base.Error {
	t.Helper()
	payloads, err := c.Decide(before)
	var refusal *base.Error
	if !errors.As(err, &refusal) || refusal.Code != code || !strings.Contains(refusal.Error(), words) {
		t.Fatalf("%T gave %d events, %v", c, len(payloads), err)
	}
	return refusal
}

// quiet demands that a command gives no event.
func quiet(t *testing.T, before domain.Resource, c domain.Command) {
	t.Helper()
	if payloads, err := c.Decide(before); err != nil || len(payloads) > 0 {
		t.Fatalf("%T gave %d events, %v", c, len(payloads), err)
	}
}

// messages reads a document as a client sends it and lists what is wrong.
func messages(kind domain.Kind, at base.Ref, document string) (messages []string) {
	v, unreadable := base.ReadJSON([]byte(document), base.Limits{})
	if unreadable != nil {
		return []string{unreadable.Error()}
	}
	d := &base.Decoder{Model: schema.Model, Root: root, Address: base.Address{Ref: at, Kind: string(kind), Name: at.Name(), Product: at.Product()}}
	c := codec.DecodeDeclare(d, kind, v, "")
	c.Validate(&d.Check)
	for _, violation := range d.Violations {
		messages = append(messages, violation.Pointer+" "+violation.Message)
	}
	return messages
}

const noon = "2026-11-22T12:00:00.000Z"

const mediaStore base.Ref = "/products/photo-app/volumes/media-store"

func volume(t *testing.T) domain.Resource {
	return step(t, nil, &domain.DeclareVolume{Ref: mediaStore, Spec: domain.VolumeSpec{Size: 1 << 30, Mode: domain.VolumeModeMounted}}, 10, noon)
}

func TestImmutableFieldIsRefused(t *testing.T) {
	e := refused(t, volume(t), &domain.DeclareVolume{Ref: mediaStore, Spec: domain.VolumeSpec{Size: 1 << 30, Mode: domain.VolumeModeRaw}},
		base.Conflict, "mode of the volume "+string(mediaStore)+" cannot change")
	if e.Rule != base.Ontology+"Volume-mode" {
		t.Errorf("rule %s", e.Rule)
	}
}

func TestWithoutReconcilerAResourceWaitsAndSaysSo(t *testing.T) {
	h := volume(t).Common()
	if h.Phase != domain.PhaseDeclared || h.Reason != "no reconciler on this cluster" {
		t.Errorf("%s: %s", h.Phase, h.Reason)
	}
}

func TestWithoutReconcilerDeletionIsImmediate(t *testing.T) {
	before := volume(t)
	if r := step(t, before, before.Deletion(), 11, noon); r != nil {
		t.Errorf("still %s", r.Common().Phase)
	}
	refused(t, nil, before.Deletion(), base.NotFound, "there is no volume "+string(mediaStore))
}

func TestReportOnAnotherRevisionIsVoid(t *testing.T) {
	quiet(t, volume(t), &domain.ObserveVolume{Ref: mediaStore, Of: 9, Phase: domain.PhaseReady})
	quiet(t, nil, &domain.ObserveVolume{Ref: mediaStore, Of: 10, Phase: domain.PhaseReady})
	refused(t, volume(t), &domain.ObserveVolume{Ref: mediaStore, Of: 10, Phase: domain.PhaseFiring}, base.Internal, "does not have")
}

func TestReportCarriesAllThatWasFoundAndNamesWhatChanged(t *testing.T) {
	used, more := int64(5), int64(6)
	r := step(t, volume(t), &domain.ObserveVolume{Ref: mediaStore, Of: 10, Phase: domain.PhaseReady,
		Status: domain.VolumeStatus{AttachedNode: "/nodes/pi-1", Used: &used}}, 11, noon)
	report := &domain.ObserveVolume{Ref: mediaStore, Of: 10, Status: domain.VolumeStatus{AttachedNode: "/nodes/pi-1", Used: &more}}
	payloads, err := report.Decide(r)
	want := []domain.Payload{&domain.VolumeObserved{Status: domain.VolumeStatus{AttachedNode: "/nodes/pi-1", Used: &more}, Changed: []string{"/used"}}}
	if diff := cmp.Diff(want, payloads); diff != "" || err != nil {
		t.Error(diff, err)
	}
	r = step(t, r, report, 12, noon)
	if s := r.(*domain.Volume).Status; s.AttachedNode != "/nodes/pi-1" || *s.Used != 6 || r.Common().Revision != 10 {
		t.Errorf("%+v", s)
	}
	quiet(t, r, report)
	gone := step(t, r, &domain.ObserveVolume{Ref: mediaStore, Of: 10, Status: domain.VolumeStatus{Used: &more}}, 13, noon)
	if s := gone.(*domain.Volume).Status; s.AttachedNode != "" {
		t.Errorf("what is no longer observed stays: %+v", s)
	}
}

const db base.Ref = "/products/photo-app/secrets/db"

func secret(value string, data ...string) *domain.DeclareSecret {
	c := &domain.DeclareSecret{Ref: db}
	if value != "" {
		c.Spec.Value = base.Sensitive{Clear: []byte(value)}
	}
	for _, key := range data {
		c.Spec.Data = map[string]base.Sensitive{key: {Clear: []byte(key)}}
	}
	seal(c)
	return c
}

func TestSecretIsKeptUntilANewOneIsGiven(t *testing.T) {
	refused(t, nil, secret(""), base.Invalid, "exactly one of value, data is needed, found 0")
	r := step(t, nil, secret("one"), 20, noon)
	quiet(t, r, secret("one"))
	quiet(t, r, secret(""))
	const later = "2026-11-23T12:00:00.000Z"
	next := step(t, r, secret("two"), 21, later)
	if got := next.(*domain.Secret); got.Status.SetAt.String() != later || string(got.Spec.Value.Sealed) != "two" {
		t.Errorf("%+v", got)
	}
	described := secret("")
	described.Spec.Description = new("for the pictures")
	if got := step(t, next, described, 22, "2026-11-24T12:00:00.000Z").(*domain.Secret); got.Status.SetAt.String() != later || string(got.Spec.Value.Sealed) != "two" {
		t.Errorf("another field changed the value: %+v", got)
	}
	if got := step(t, next, secret("", "user"), 22, noon).(*domain.Secret); !got.Spec.Value.IsZero() || len(got.Spec.Data) != 1 {
		t.Errorf("both are kept: %+v", got.Spec)
	}
	removed := secret("")
	removed.Spec.Value.Removed = true
	refused(t, next, removed, base.Invalid, "exactly one")
}

func TestSensitiveFieldGoesWhereAPatchSaysNull(t *testing.T) {
	const app base.Ref = "/products/photo-app/app-registrations/web"
	registration := func(patch *base.Value) domain.Command {
		v, _ := base.ReadJSON([]byte(`{"redirectUris": ["https://photos.example.org/callback"]}`), base.Limits{})
		return codec.DecodeDeclare(&base.Decoder{Model: schema.Model, Root: root, Address: base.Address{Ref: app}, Patch: patch}, domain.KindAppRegistration, v, "")
	}
	first := registration(nil).(*domain.DeclareAppRegistration)
	first.Spec.ClientSecret.Clear = []byte(strings.Repeat("x", 32))
	seal(first)
	r := step(t, nil, first, 1, noon)
	quiet(t, r, registration(nil))
	patch := object(member("clientSecret", &base.Value{Kind: base.NullValue}))
	r = step(t, r, registration(patch), 2, noon)
	if !r.(*domain.AppRegistration).Spec.ClientSecret.IsZero() {
		t.Error("it is still there")
	}
	quiet(t, r, registration(patch))
}

func TestSecretShowsNothing(t *testing.T) {
	r := step(t, nil, secret("", "pass-phrase"), 20, noon)
	w := &base.QuadWriter{Root: root}
	quads.Append(w, r)
	payloads, _ := secret("pass-phrase").Decide(nil)
	e := &base.Encoder{Root: root}
	codec.AppendEvent(e, &domain.Event{Position: 1, Subject: db, Payload: payloads[0]})
	for where, shownAs := range map[string]string{
		"JSON": string(shown(r)), "event": string(e.Buffer), "quads": fmt.Sprint(w.Quads), "print": fmt.Sprintf("%v %+v %#v", r, r, r.(*domain.Secret).Spec),
	} {
		if strings.Contains(shownAs, "pass-phrase\"") && where != "print" || strings.Contains(shownAs, "cGFzcy1waHJhc2U") || strings.Contains(shownAs, "fingerprint") {
			t.Errorf("%s shows it: %s", where, shownAs)
		}
	}
	clear := &domain.DeclareSecret{Ref: db, Spec: domain.SecretSpec{Value: base.Sensitive{Clear: []byte(strings.Repeat("s3cr3t", 20000))}}}
	var check base.Check
	clear.Validate(&check)
	if len(check.Violations) != 1 || strings.Contains(check.Violations[0].String(), "s3cr3t") {
		t.Errorf("%v", check.Violations)
	}
}

func TestNodeJoinsIsDrainedAndRemoved(t *testing.T) {
	const pi base.Ref = "/nodes/pi-2"
	drain := codec.DecodeOperation(&base.Decoder{Address: base.Address{Ref: pi}}, domain.KindNode, "drain", nil)
	refused(t, nil, drain, base.NotFound, "there is no node /nodes/pi-2")
	quiet(t, nil, &domain.ObserveNode{Ref: pi, Status: domain.NodeStatus{Hostname: "pi-2"}}) // a report lets nobody in
	r := step(t, nil, &domain.EnrollNode{Ref: pi, Status: domain.NodeStatus{Hostname: "pi-2"}}, 28, noon)
	if r.Common().Phase != domain.PhaseApproved {
		t.Errorf("enrolled as %s", r.Common().Phase)
	}
	refused(t, r, &domain.EnrollNode{Ref: pi}, base.Conflict, "there is a node /nodes/pi-2 already")
	refused(t, r, &domain.PromoteNode{Ref: pi}, base.Conflict, "promote is possible while it is ready")
	r = step(t, r, &domain.JoinNode{Ref: pi}, 29, noon)
	if n := r.(*domain.Node); n.Phase != domain.PhaseReady || n.Status.RaftRole != domain.RaftRoleLearner || n.Status.Condition != domain.ConditionHealthy {
		t.Errorf("joined as %+v", n)
	}
	r = step(t, r, &domain.MissNode{Ref: pi, Reason: "no answer for 10 s"}, 30, noon)
	quiet(t, r, &domain.MissNode{Ref: pi, Reason: "no answer for 10 s"})
	if n := r.(*domain.Node); n.Status.Condition != domain.ConditionUnreachable || n.Reason != "no answer for 10 s" {
		t.Errorf("missed as %+v", n)
	}
	r = step(t, r, &domain.ObserveNode{Ref: pi, Status: domain.NodeStatus{Hostname: "pi-2", Port: new(int64(443)), Condition: domain.ConditionHealthy}}, 30, noon)
	if n := r.(*domain.Node); n.Status.Condition != domain.ConditionUnreachable {
		t.Error("a report made it reachable")
	}
	r = step(t, r, &domain.ReachNode{Ref: pi}, 31, noon)
	if n := r.(*domain.Node); n.Status.Condition != domain.ConditionHealthy || n.Reason != "" {
		t.Errorf("reached as %+v", n)
	}
	r = step(t, r, drain, 31, noon)
	if c := r.(*domain.Node).Status.Cordoned; c == nil || !*c {
		t.Error("not cordoned")
	}
	quiet(t, r, drain)
	r = step(t, r, &domain.ObserveNode{Ref: pi, Status: domain.NodeStatus{Hostname: "pi-two"}}, 31, noon)
	if c := r.(*domain.Node).Status.Cordoned; c == nil || !*c {
		t.Error("a report ended what an operation began")
	}
	r = step(t, r, &domain.UncordonNode{Ref: pi}, 32, noon)
	if c := r.(*domain.Node).Status.Cordoned; c == nil || *c {
		t.Error("still cordoned")
	}
	refused(t, r, r.Deletion(), base.Conflict, "end is possible while it is deleting")
	r = step(t, r, &domain.RemoveNode{Ref: pi}, 33, noon)
	refused(t, r, &domain.MissNode{Ref: pi}, base.Conflict, "miss is possible while it is ready")
	if gone := step(t, r, r.Deletion(), 34, noon); gone != nil {
		t.Error("still there")
	}
	if codec.DecodeDeclare(&base.Decoder{}, domain.KindNode, object(), "") != nil || codec.NewDelete(domain.KindNode, pi) != nil {
		t.Error("clients can declare or delete a node")
	}
}

func TestEnrolmentIsDecidedOnce(t *testing.T) {
	const wish base.Ref = "/enrollments/pi-3"
	pending := step(t, nil, &domain.ObserveEnrollment{Ref: wish, Status: domain.EnrollmentStatus{Hostname: "pi-3"}}, 40, noon)
	quiet(t, pending, &domain.ObserveEnrollment{Ref: wish, Status: domain.EnrollmentStatus{Hostname: "pi-3"}})
	reason := object(member("reason", text("not mine")))
	reject := codec.DecodeOperation(&base.Decoder{Address: base.Address{Ref: wish}}, domain.KindEnrollment, "reject", reason)
	rejected := step(t, pending, reject, 41, noon)
	if h := rejected.Common(); h.Phase != domain.PhaseRejected || h.Reason != "not mine" {
		t.Errorf("%+v", h)
	}
	quiet(t, rejected, reject)
	refused(t, rejected, &domain.ApproveEnrollment{Ref: wish}, base.Conflict,
		"the enrollment /enrollments/pi-3 is rejected; approve is possible while it is pending")
	if gone := step(t, rejected, rejected.Deletion(), 42, noon); gone != nil {
		t.Error("still there")
	}
}

func TestGroupLetsGoOfADeletedMember(t *testing.T) {
	group := step(t, nil, &domain.DeclareGroup{Ref: "/groups/family", Spec: domain.GroupSpec{Members: []base.Ref{"/identities/alice", "/identities/bob"}}}, 50, noon)
	if group.Without("/identities/carol") != nil {
		t.Error("a command without effect")
	}
	after := step(t, group, group.Without("/identities/bob"), 51, noon).(*domain.Group)
	if !cmp.Equal(after.Spec.Members, []base.Ref{"/identities/alice"}) || len(group.(*domain.Group).Spec.Members) != 2 {
		t.Errorf("%v", after.Spec.Members)
	}
}

func TestClusterIsAlwaysThere(t *testing.T) {
	cluster := step(t, nil, &domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{Domain: "picloud.local", ClusterID: "6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31"}}, 1, noon)
	lead := &domain.LeadCluster{Ref: "/", Leader: "/nodes/pi-1", Term: new(int64(7))}
	led := step(t, cluster, lead, 2, noon)
	if s := led.(*domain.Cluster).Status; s.Leader != "/nodes/pi-1" || *s.Term != 7 {
		t.Errorf("%+v", s)
	}
	quiet(t, led, lead)
	if changed := step(t, led, &domain.ObserveCluster{Ref: "/", Status: domain.ClusterStatus{Version: "1.0.0"}}, 3, noon).(*domain.Cluster); changed.Status.Leader != "/nodes/pi-1" {
		t.Error("a report changed the leader")
	}
	if cluster.Deletion() != nil || codec.NewDelete(domain.KindCluster, "/") != nil {
		t.Error("the cluster can be deleted")
	}
	w := &base.QuadWriter{Root: root}
	quads.Append(w, cluster)
	if w.Quads[0].S.Value != root+"/" || w.Quads[1].O.Value != "cluster" {
		t.Errorf("%v", w.Quads[:2])
	}
}

func TestViolationsSayWhatIsWrongWhere(t *testing.T) {
	for _, c := range []struct {
		kind     domain.Kind
		at       base.Ref
		document string
		want     []string
	}{
		{domain.KindVolume, mediaStore, `{}`, []string{"/size size is missing"}},
		{domain.KindVolume, mediaStore, `{"size": 5}`, []string{"/size size must be at least 1MiB, is 5B"}},
		{domain.KindVolume, mediaStore, `{"size": "5"}`, []string{"/size size: expected a number, found a string"}},
		{domain.KindVolume, mediaStore, `{"size": 2000000, "mod": "raw"}`, []string{`/mod unknown field "mod"; did you mean "mode"?`}},
		{domain.KindVolume, mediaStore, `{"size": 2000000, "mode": "mountd"}`, []string{`/mode mode: "mountd" is not one of mounted, raw; did you mean "mounted"?`}},
		{domain.KindContainer, apiServer, `{"image": "a", "env": {"A": {"value": "", "secret": "db"}}}`,
			[]string{"/env/A exactly one of value, secret is needed, found 2"}},
		{domain.KindContainer, apiServer, `{"image": "a b", "env": {"a b": {"value": ""}}, "mounts": {"media": {"path": "data"}}}`,
			[]string{`/image image "a b" is not an OCI image`, `/env/a b key "a b" is not the name of an environment variable`,
				`/mounts/media/path path "data" is not an absolute path`}},
		{domain.KindProduct, "/products/shop", `{"version": "1.0.0", "name": "other"}`,
			[]string{`/name name: "other" contradicts the address, which says "shop"`}},
	} {
		if diff := cmp.Diff(c.want, messages(c.kind, c.at, c.document)); diff != "" {
			t.Errorf("%s\n%s", c.document, diff)
		}
	}
}

func TestForeignEventIsNotFolded(t *testing.T) {
	e := &domain.Event{Position: 12, Subject: mediaStore, Payload: &domain.ContainerDeleted{}}
	if _, err := domain.Evolve(volume(t), e); err == nil || !strings.Contains(err.Error(), "event 12, ContainerDeleted of "+string(mediaStore)) {
		t.Error(err)
	}
	for _, payload := range []domain.Payload{&domain.VolumeDeclared{}, &domain.VolumeReady{}} {
		before := volume(t)
		if payload.Type() == domain.TypeVolumeReady {
			before = nil
		}
		if _, err := domain.Evolve(before, &domain.Event{Subject: mediaStore, Payload: payload}); err == nil {
			t.Errorf("%s was folded", payload.Type())
		}
	}
	v, _ := base.ReadJSON([]byte(`{"p":1,"y":"VolumeEaten","v":1,"s":"/x","t":1,"a":"/y","data":{}}`), base.Limits{})
	if _, err := codec.DecodeStoredEvent(v); err == nil || !strings.Contains(err.Error(), "VolumeEaten") {
		t.Error(err)
	}
}

const goods base.Ref = "/products/photo-app/rdf-stores/goods"

func TestChangeOfADatasetIsDecidedOnWhatItWasWorkedOutOn(t *testing.T) {
	store := step(t, nil, &domain.DeclareRDFStore{Ref: goods}, 10, noon)
	if d := store.(domain.DatasetHolder).Dataset(); d.Quads != 0 || store.Common().Phase != domain.PhaseReady {
		t.Errorf("a new store is %+v, %s", d, store.Common().Phase)
	}
	change := store.(domain.DatasetHolder).ChangeDataset(10, nil, []byte("packed"), 7)
	changed := step(t, store, change, 11, noon)
	if d := changed.(domain.DatasetHolder).Dataset(); d.Quads != 7 || changed.Common().Revision != 10 || changed.Common().Last != 11 {
		t.Errorf("after the change it is %+v", changed)
	}
	refused(t, changed, change, base.Stale, "has moved to position 11")
	refused(t, nil, change, base.NotFound, "there is no rdf-store")
	quiet(t, changed, changed.(domain.DatasetHolder).ChangeDataset(11, nil, nil, 7))
	half := make([]byte, domain.DatasetChangeMax/2+1)
	refused(t, changed, changed.(domain.DatasetHolder).ChangeDataset(11, half, half, 7), base.TooLarge, "split it")
	retagged := step(t, changed, &domain.DeclareRDFStore{Ref: goods, Spec: domain.RDFStoreSpec{Tags: map[string]string{"a": "b"}}}, 12, noon)
	if d := retagged.(domain.DatasetHolder).Dataset(); d.Quads != 7 {
		t.Errorf("after a new declaration it counts %d quads", d.Quads)
	}
}
