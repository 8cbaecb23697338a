package projection

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// history is an event log and the projection that follows it.
type history struct {
	t   *testing.T
	cfg Config
	log *eventlog.Log
	*Projection
	index uint64
}

func begin(t *testing.T) *history {
	t.Helper()
	dir := t.TempDir()
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	cfg := Config{Root: "https://picloud.local", Model: "m1", Checkpoint: filepath.Join(dir, "state.checkpoint"), Axioms: axioms()}
	return &history{t: t, cfg: cfg, log: log, Projection: New(cfg, log)}
}

// batch puts events into the log and folds them.
func (h *history) batch(events ...*domain.Event) {
	h.t.Helper()
	h.index++
	for _, e := range events {
		e.Actor = "/tokens/admin"
	}
	batches := []eventlog.Batch{{
		Count: uint32(len(events)), Time: time.UnixMilli(int64(h.index) * 1000).UTC(),
		Payload: state.AppendBatch(nil, state.Batch{Events: events}),
	}}
	if _, err := h.log.Append(h.index, batches); err != nil {
		h.t.Fatal(err)
	}
	if err := h.Fold(batches[0]); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) verify() {
	h.t.Helper()
	live, rebuilt, err := h.Verify(h.log)
	if err != nil || live != rebuilt {
		h.t.Fatalf("readers see %+v, the log makes %+v (%v)", live, rebuilt, err)
	}
}

func event(subject base.Ref, p domain.Payload) *domain.Event {
	return &domain.Event{Subject: subject, Payload: p}
}

func declared(version string) domain.Payload {
	return &domain.ProductDeclared{Spec: domain.ProductSpec{Version: version}}
}

func TestGraphIsAsIfMadeAnew(t *testing.T) {
	h := begin(t)
	const photo = "/products/photo"
	h.batch(event(photo, declared("1.0.0")), event(photo+"/secrets/db", &domain.SecretDeclared{}))
	h.Publish(h.log.Head())
	h.verify()
	h.batch(event(photo, &domain.ProductChanged{Spec: domain.ProductSpec{Version: "2.0.0", Tags: map[string]string{"team": "backend"}}, Changed: []string{"/version"}}))
	h.batch(event(photo+"/secrets/db", &domain.SecretDeleted{}), event(photo+"/secrets/db", &domain.SecretDeclared{}))
	h.Publish(h.log.Head()) // several batches, one publication
	h.verify()
	h.batch(event(photo, declared("3.0.0"))) // cannot be folded: its subject is set aside
	h.Publish(h.log.Head())
	h.verify()
	if phase := h.View().State.Get(photo).Common().Phase; phase != state.PhaseUnfoldable {
		t.Errorf("the phase is %s", phase)
	}
	h.batch(event(photo+"/secrets/db", &domain.SecretDeleted{}), event(photo, &domain.ProductDeleted{}))
	h.Publish(h.log.Head())
	h.verify()
	if n := h.View().Graph.Len(); n != 0 {
		t.Errorf("%d quads are left of nothing", n)
	}
}

func TestWhatHappenedFirstIsFoundFirst(t *testing.T) {
	for range 20 { // the order of a map differs from run to run
		h := begin(t)
		var events []*domain.Event
		for i := range 8 {
			events = append(events, event(base.Ref(fmt.Sprint("/products/p", 9-i)), declared("1.0.0")))
		}
		h.batch(events...)
		h.Publish(h.log.Head())
		last := rdf.ID(0)
		for _, e := range events {
			id, ok := h.View().Graph.Lookup(base.IRI(e.Subject.Absolute(h.cfg.Root)))
			if !ok || id < last {
				t.Fatalf("%s has the id %d, behind it stands %d", e.Subject, id, last)
			}
			last = id
		}
	}
}

func TestProjectionContinuesFromItsCheckpoint(t *testing.T) {
	h := begin(t)
	h.batch(event("/products/photo", declared("1.0.0")))
	h.Publish(h.log.Head())
	persist := h.Checkpoint(h.log.Head())
	h.batch(event("/products/late", declared("1.0.0")))
	h.Publish(h.log.Head())
	if err := persist(); err != nil { // what was captured, not what is now
		t.Fatal(err)
	}
	again := New(h.cfg, h.log)
	if again.Position() != 1 || again.View().Graph.Len() == 0 {
		t.Fatalf("it begins at %d with %d quads", again.Position(), again.View().Graph.Len())
	}
	for b, err := range h.log.Read(again.Position()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Fold(b); err != nil {
			t.Fatal(err)
		}
	}
	again.Publish(h.log.Head())
	if again.View().Sums() != h.View().Sums() {
		t.Error("it came to another end")
	}
	other := h.cfg
	other.Model = "m2"
	if p := New(other, h.log); p.Position() != 0 {
		t.Error("the checkpoint of another model was used")
	}
	if p := New(h.cfg, begin(t).log); p.Position() != 0 {
		t.Error("the checkpoint of another history was used")
	}
}

func TestBatchThatIsNotWhatItsFrameSaysIsAFault(t *testing.T) {
	h := begin(t)
	payload := state.AppendBatch(nil, state.Batch{Events: []*domain.Event{event("/products/photo", declared("1.0.0"))}})
	for _, b := range []eventlog.Batch{{First: 1, Count: 2, Payload: payload}, {First: 1, Count: 1, Payload: []byte("{}")}, {First: 1, Count: 1}} {
		if err := h.Fold(b); err == nil {
			t.Errorf("%d events in %q were folded", b.Count, b.Payload)
		}
	}
	if h.Position() != 0 {
		t.Error("the fold moved")
	}
}

// TestEventOfANewerReleaseStopsTheFoldAndStaysInTheLog: this program cannot know what
// it would pass over, and one that knows it finds everything where it was.
func TestEventOfANewerReleaseStopsTheFoldAndStaysInTheLog(t *testing.T) {
	h := begin(t)
	h.batch(event("/products/photo", declared("1.0.0")))
	newer := strings.Replace(string(state.AppendBatch(nil, state.Batch{Events: []*domain.Event{event("/products/late", declared("1.0.0"))}})),
		string(domain.TypeProductDeclared), "WidgetDeclared", 1)
	batches := []eventlog.Batch{{Count: 1, Time: time.UnixMilli(2000), Payload: []byte(newer)}}
	if _, err := h.log.Append(2, batches); err != nil {
		t.Fatal(err)
	}
	err := h.Fold(batches[0])
	if !errors.Is(err, codec.ErrNewer) || !strings.Contains(err.Error(), `"WidgetDeclared"`) {
		t.Errorf("the fold says %v", err)
	}
	if h.Position() != 1 || h.log.Head().Position != 2 {
		t.Errorf("the fold is at %d, the log at %d", h.Position(), h.log.Head().Position)
	}
}

func TestFoldStopsWhereThisProgramDoesNotFit(t *testing.T) {
	tooOld := errors.New("too old")
	h := begin(t)
	h.cfg.Fit = func(s *state.State) error {
		if s.Get("/products/late") != nil {
			return tooOld
		}
		return nil
	}
	old := Anew(h.cfg)
	h.batch(event("/products/photo", declared("1.0.0")))
	h.batch(event("/products/late", declared("1.0.0")))
	var ended error
	for b, err := range h.log.Read(0) {
		if err != nil {
			t.Fatal(err)
		}
		if ended = old.Fold(b); ended != nil {
			break
		}
	}
	if !errors.Is(ended, tooOld) {
		t.Errorf("the fold ended with %v", ended)
	}
}

func TestReadersWaitForAPosition(t *testing.T) {
	h := begin(t)
	cause := errors.New("gave up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := h.WaitFor(ctx, 1); !errors.Is(err, cause) {
		t.Errorf("a wait that ended gives %v", err)
	}
	got := make(chan base.Position)
	go func() {
		view, err := h.WaitFor(context.Background(), 2)
		if err != nil {
			t.Error(err)
		}
		got <- view.Position
	}()
	old := h.View()
	h.batch(event("/products/a", declared("1.0.0")))
	h.Publish(h.log.Head())
	h.batch(event("/products/b", declared("1.0.0")))
	h.Publish(h.log.Head())
	if position := <-got; position != 2 {
		t.Errorf("the reader woke at %d", position)
	}
	if old.State.Len() != 0 || old.Graph.Len() != 0 {
		t.Error("a view changed")
	}
}

// Whoever walks the tail has, with the deltas alone, the graph of each view.
func TestTailLeavesNoViewOut(t *testing.T) {
	h := begin(t)
	h.batch(event("/products/before", declared("1.0.0")))
	h.Publish(h.log.Head())
	h.shown.follow() // nobody sees what it makes
	tail := h.Tail(t.Context())
	if tail.View().Delta != nil {
		t.Error("a view has a delta although what came before it was shown to nobody")
	}
	shadow := rdf.NewStore()
	shadow.Load(tail.View().Graph.Quads(rdf.IDQuad{}))
	const rounds = 21
	for i := range rounds {
		ref := base.Ref(fmt.Sprint("/products/p", i%3))
		switch i / 3 % 3 {
		case 0:
			h.batch(event(ref, declared("1.0.0")))
		case 1:
			h.batch(event(ref, &domain.ProductChanged{Spec: domain.ProductSpec{Version: "2.0.0"}, Changed: []string{"/version"}}))
		case 2:
			h.batch(event(ref, &domain.ProductDeleted{}))
		}
		h.Publish(h.log.Head())
		if i%2 == 0 { // else the next view stands for several commits, or for one if a timer made it
			h.View()
		}
	}
	for at := tail.View().Position; at <= rounds; {
		view, err := tail.Next(t.Context())
		if err != nil || view.Position <= at {
			t.Fatalf("after %d comes %d (%v)", at, view.Position, err)
		}
		at = view.Position
		shadow.Apply(view.Delta.Removed, view.Delta.Added)
		if shadow.Snapshot().Digest() != view.Graph.Digest() {
			t.Fatalf("the deltas up to %d make another graph", at)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("gave up")
	cancel(cause)
	if _, err := tail.Next(ctx); !errors.Is(err, cause) {
		t.Errorf("behind the last view comes %v", err)
	}
}

// A reader never gets a graph that is older than a state that was shown to anybody,
// nor one of another state.
func TestViewIsOfOnePositionAndNeverBehindTheState(t *testing.T) {
	const commits = 200
	h := begin(t)
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := base.Position(0); last < commits; {
				now := h.State()
				view := h.View()
				if view.Position < now.Position || now.Position < last {
					t.Errorf("after a view at %d the state is at %d, and after that the view at %d", last, now.Position, view.Position)
					return
				}
				last = view.Position
				whole := rdf.NewStore()
				whole.Load(h.shown.all(view.State))
				if whole.Snapshot().Digest() != view.Graph.Digest() {
					t.Errorf("the graph at %d is not that of the state", view.Position)
					return
				}
			}
		})
	}
	for i := range commits {
		ref := base.Ref(fmt.Sprint("/products/p", i%7))
		if i < 7 {
			h.batch(event(ref, declared("1.0.0")))
		} else {
			h.batch(event(ref, &domain.ProductChanged{Spec: domain.ProductSpec{Version: fmt.Sprintf("1.0.%d", i)}, Changed: []string{"/version"}}))
		}
		h.Publish(h.log.Head())
	}
	readers.Wait()
	h.verify()
}

// Who waits for changes is told of them although nobody asks for a view.
func TestGraphFollowsByItself(t *testing.T) {
	h := begin(t)
	tail := h.Tail(t.Context())
	for i := range 3 {
		h.batch(event(base.Ref(fmt.Sprint("/products/p", i)), declared("1.0.0")))
		h.Publish(h.log.Head())
		if view, err := tail.Next(t.Context()); err != nil || view.Position != base.Position(i+1) {
			t.Fatalf("after commit %d comes the view of %d (%v)", i+1, view.Position, err)
		}
	}
}

// While nobody asks, the graph rests for a second, so that what changes often is
// edited once; never longer, and not when it lacks much or when somebody waits.
func TestGraphRestsWhileNobodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := begin(t)
		commits := 0
		commit := func() {
			h.batch(event(base.Ref(fmt.Sprint("/products/p", commits)), declared("1.0.0")))
			h.Publish(h.log.Head())
			commits++
		}
		lacks := func() int {
			synctest.Wait()
			h.shown.mu.Lock()
			defer h.shown.mu.Unlock()
			return len(h.shown.touched.order)
		}
		commit()
		if n := lacks(); n != 0 {
			t.Errorf("after a quiet time the graph lacks %d resources", n)
		}
		commit()
		commit()
		<-time.After(rest - time.Millisecond)
		if n := lacks(); n != 2 {
			t.Errorf("it lacks %d resources, not 2", n)
		}
		<-time.After(time.Millisecond)
		if n := lacks(); n != 0 {
			t.Errorf("after its rest it lacks %d resources", n)
		}
		for range lackMax {
			commit()
		}
		<-time.After(pause)
		if n := lacks(); n != 0 {
			t.Errorf("it lacks %d resources, which is much", n)
		}
		commit()
		tail := h.Tail(t.Context())
		commit()
		began := time.Now()
		if _, err := tail.Next(t.Context()); err != nil || time.Since(began) > pause {
			t.Errorf("who waits for changes was told after %s (%v)", time.Since(began), err)
		}
	})
}

// What leaves and what comes turns the one set into the other.
func TestDifferenceTurnsOneIntoTheOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quad := rapid.Custom(func(t *rapid.T) base.Quad {
			return base.Quad{S: base.IRI("s"), P: base.IRI("p"), O: base.Integer(int64(rapid.IntRange(0, 9).Draw(t, "o")))}
		})
		set := rapid.SliceOfDistinct(quad, func(q base.Quad) base.Quad { return q })
		before, after := set.Draw(t, "before"), set.Draw(t, "after")
		remove, add := difference(nil, nil, before, after)
		var got []base.Quad
		for _, q := range before {
			if !slices.Contains(remove, q) {
				got = append(got, q)
			}
		}
		for _, q := range add {
			if slices.Contains(got, q) {
				t.Fatalf("%v comes and was there", q)
			}
		}
		got = append(got, add...)
		if len(got) != len(after) {
			t.Fatalf("got %v, want %v", got, after)
		}
		for _, q := range after {
			if !slices.Contains(got, q) {
				t.Fatalf("%v is missing", q)
			}
		}
	})
}

// axioms are those of the platform's ontology in small: membership seen from the
// member, and the roles below a role.
func axioms() []base.Quad {
	const owl = "http://www.w3.org/2002/07/owl#"
	pc := func(name string) base.Term { return base.IRI(base.Ontology + name) }
	return []base.Quad{
		{S: pc("memberOf"), P: base.IRI(owl + "inverseOf"), O: pc("hasMember")},
		{S: pc("inherits"), P: base.IRI(base.RDFS + "subPropertyOf"), O: pc("includes")},
		{S: pc("includes"), P: base.IRI(base.RDFType), O: base.IRI(owl + "TransitiveProperty")},
	}
}

func (h *history) inferred(graph base.Ref, predicate string) (facts []string) {
	view := h.View()
	g, known := view.Graph.Lookup(base.IRI(graph.Absolute(h.cfg.Root) + "/inferred"))
	p, named := view.Graph.Lookup(base.IRI(base.Ontology + predicate))
	if !known || !named {
		return nil
	}
	for q := range view.Graph.Quads(rdf.IDQuad{P: p, G: g}) {
		facts = append(facts, strings.ReplaceAll(q.S.Value+" "+q.O.Value, h.cfg.Root, ""))
	}
	slices.Sort(facts)
	return facts
}

func role(ref base.Ref, inherits ...base.Ref) *domain.Event {
	return event(ref, &domain.RoleDeclared{Spec: domain.RoleSpec{Inherits: inherits}})
}

func TestWhatFollowsFromAGraphComesAndGoesWithIt(t *testing.T) {
	h := begin(t)
	h.batch(event("/groups/admins", &domain.GroupDeclared{Spec: domain.GroupSpec{Members: []base.Ref{"/identities/alice", "/identities/bob"}}}))
	h.Publish(h.log.Head())
	h.verify()
	if got := h.inferred("/graph/iam", "memberOf"); !slices.Equal(got, []string{"/identities/alice /groups/admins", "/identities/bob /groups/admins"}) {
		t.Errorf("members are %q", got)
	}
	h.batch(event("/groups/admins", &domain.GroupChanged{Spec: domain.GroupSpec{Members: []base.Ref{"/identities/bob"}}, Changed: []string{"/members"}}))
	h.batch(role("/roles/reader"), role("/roles/writer", "/roles/reader"), role("/roles/owner", "/roles/writer"))
	h.Publish(h.log.Head())
	h.verify()
	if got := h.inferred("/graph/iam", "memberOf"); !slices.Equal(got, []string{"/identities/bob /groups/admins"}) {
		t.Errorf("after she left, members are %q", got)
	}
	if got := h.inferred("/graph/iam", "includes"); len(got) != 3 || got[0] != "/roles/owner /roles/reader" {
		t.Errorf("roles include %q", got)
	}
	if err := h.SaveCheckpoint(); err != nil {
		t.Fatal(err)
	}
	if again := New(h.cfg, h.log); again.View().Sums() != h.View().Sums() {
		t.Error("from its checkpoint it comes to another graph")
	}
	h.batch(event("/groups/admins", &domain.GroupDeleted{}), event("/roles/owner", &domain.RoleDeleted{}))
	h.Publish(h.log.Head())
	h.verify()
	if got := append(h.inferred("/graph/iam", "memberOf"), h.inferred("/graph/iam", "includes")...); len(got) != 1 {
		t.Errorf("what is left is %q", got)
	}
}

func TestNothingFollowsFromTheGraphsOfTwoProducts(t *testing.T) {
	h := begin(t)
	h.batch(role("/products/a/roles/x", "/products/b/roles/y"), role("/products/b/roles/y", "/products/a/roles/z"))
	h.Publish(h.log.Head())
	h.verify()
	for _, graph := range []base.Ref{"/products/a/graph", "/products/b/graph"} {
		if got := h.inferred(graph, "includes"); len(got) != 1 {
			t.Errorf("in %s follows %q", graph, got)
		}
	}
}

// BenchmarkPublish is what a commit costs the projection: a product changes,
// about which no axiom says anything, or a group of 100, about which one does.
func BenchmarkPublish(b *testing.B) {
	members := make([]base.Ref, 100)
	for i := range members {
		members[i] = base.Ref(fmt.Sprint("/identities/p", i))
	}
	product := func(i int) domain.Payload {
		return &domain.ProductChanged{Spec: domain.ProductSpec{Version: fmt.Sprintf("1.0.%d", i)}, Changed: []string{"/version"}}
	}
	group := func(i int) domain.Payload {
		return &domain.GroupChanged{Spec: domain.GroupSpec{Members: append(slices.Clone(members), base.Ref(fmt.Sprint("/identities/q", i)))}, Changed: []string{"/members"}}
	}
	for _, c := range []struct {
		name   string
		ref    base.Ref
		first  domain.Payload
		next   func(int) domain.Payload
		axioms []base.Quad
	}{
		{"product/no axioms", "/products/a", declared("1.0.0"), product, nil},
		{"product/axioms", "/products/a", declared("1.0.0"), product, axioms()},
		{"group/no axioms", "/groups/g", &domain.GroupDeclared{Spec: domain.GroupSpec{Members: members}}, group, nil},
		{"group/axioms", "/groups/g", &domain.GroupDeclared{Spec: domain.GroupSpec{Members: members}}, group, axioms()},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := Anew(Config{Root: "https://picloud.local", Axioms: c.axioms})
			position := uint64(0)
			fold := func(payload domain.Payload) {
				position++
				e := event(c.ref, payload)
				e.Actor, e.Previous = "/tokens/admin", base.Position(position-1)
				batch := eventlog.Batch{First: position, Count: 1, Time: time.UnixMilli(int64(position)), Payload: state.AppendBatch(nil, state.Batch{Events: []*domain.Event{e}})}
				if err := p.Fold(batch); err != nil {
					b.Fatal(err)
				}
				p.Publish(eventlog.Head{})
			}
			fold(c.first)
			for i := 0; b.Loop(); i++ {
				fold(c.next(i))
			}
		})
	}
}

func TestALongChainOfRolesHoldsNothingUp(t *testing.T) {
	h := begin(t)
	const n = 1500 // a chain of them includes more than a million
	var events []*domain.Event
	for i := range n {
		ref := base.Ref(fmt.Sprint("/roles/r", i))
		if i == 0 {
			events = append(events, role(ref))
		} else {
			events = append(events, role(ref, base.Ref(fmt.Sprint("/roles/r", i-1))))
		}
	}
	h.batch(events...)
	h.batch(event("/groups/g", &domain.GroupDeclared{Spec: domain.GroupSpec{Members: []base.Ref{"/identities/a"}}}))
	h.Publish(h.log.Head())
	if got := h.inferred("/graph/iam", "includes"); len(got) != 0 {
		t.Errorf("%d facts follow in a graph that has too many", len(got))
	}
	h.verify()
	var gone []*domain.Event
	for i := range n - 10 {
		gone = append(gone, event(base.Ref(fmt.Sprint("/roles/r", n-1-i)), &domain.RoleDeleted{}))
	}
	h.batch(gone...)
	h.Publish(h.log.Head())
	if got := h.inferred("/graph/iam", "includes"); len(got) != 45 {
		t.Errorf("among 10 roles, %d facts follow", len(got))
	}
	h.verify()
}

func TestViewStandsWhereAGenerationBegins(t *testing.T) {
	h := begin(t)
	h.batch(event("/products/shop", declared("1.0.0")))
	h.Publish(h.log.Head())
	if _, err := h.log.BeginGeneration(2); err != nil {
		t.Fatal(err)
	}
	start := base.Position(2 << eventlog.GenerationBits)
	h.Publish(h.log.Head())
	if at := h.View().Position; at != start {
		t.Fatalf("the view stands at %d", at)
	}
	h.verify()
	if err := h.SaveCheckpoint(); err != nil {
		t.Fatal(err)
	}
	again := New(h.cfg, h.log)
	if base.Position(again.Position()) != start || again.View().State.Digest() != h.View().State.Digest() {
		t.Errorf("the checkpoint was not used: %d", again.Position())
	}
	h.batch(event("/products/shop", &domain.ProductChanged{Spec: domain.ProductSpec{Version: "1.0.1"}, Changed: []string{"/version"}}))
	h.Publish(h.log.Head())
	if at := h.View().Position; at != start+1 {
		t.Errorf("the view stands at %d", at)
	}
	h.verify()
}
