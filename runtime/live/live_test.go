package live

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// graph is a store whose views can be followed and looked up by position.
type graph struct {
	mu    sync.Mutex
	store *rdf.Store
	head  *link
	views map[base.Position]*rdf.Snapshot
	fails error
}

type link struct {
	View
	next *link
	done chan struct{}
}

func newGraph(quads ...base.Quad) *graph {
	g := &graph{store: rdf.NewStore(), views: map[base.Position]*rdf.Snapshot{}}
	g.store.LoadQuads(quads)
	g.head = &link{View: View{Position: 1, Graph: g.store.Snapshot()}, done: make(chan struct{})}
	g.views[1] = g.head.Graph
	return g
}

func (g *graph) change(removed, added []base.Quad) base.Position {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.store.Apply(removed, added)
	now := &link{View: View{Position: g.head.Position + 1, Graph: g.store.Snapshot(), Removed: removed, Added: added, Known: true}, done: make(chan struct{})}
	g.views[now.Position] = now.Graph
	g.head.next = now
	close(g.head.done)
	g.head = now
	return now.Position
}

func (g *graph) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fails = err
	close(g.head.done)
}

func (g *graph) Name() string { return "test" }

func (g *graph) Follow(context.Context) (Tail, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return &walk{g, g.head}, nil
}

type walk struct {
	graph *graph
	at    *link
}

func (w *walk) View() View { return w.at.View }

func (w *walk) Next(ctx context.Context) (View, error) {
	select {
	case <-w.at.done:
		if w.at.next == nil {
			return View{}, w.graph.fails
		}
		w.at = w.at.next
		return w.at.View, nil
	case <-ctx.Done():
		return View{}, context.Cause(ctx)
	}
}

// all sees every graph but those with "secret" in their name.
type sight string

func (s sight) Key() string { return string(s) }

func (s sight) Reads(graph string) (inDefault, named bool) {
	if s != "admin" && strings.Contains(graph, "secret") {
		return false, false
	}
	return true, graph != ""
}

func iri(s string) base.Term { return base.IRI("http://e/" + s) }

func quad(s, p, o string, graph ...string) base.Quad {
	q := base.Quad{S: iri(s), P: iri(p), O: iri(o)}
	if len(graph) > 0 {
		q.G = iri(graph[0])
	}
	return q
}

func request(g *graph, text string) Request {
	return Request{Source: g, Sight: sight("reader"), Caller: "/tokens/a", Text: "PREFIX : <http://e/> " + text}
}

func hub(t testing.TB, cfg Config) *Hub {
	h := New(cfg)
	t.Cleanup(h.Close)
	return h
}

func subscribe(t testing.TB, h *Hub, r Request) *Subscription {
	t.Helper()
	s, err := h.Subscribe(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func next(t testing.TB, s *Subscription) Event {
	t.Helper()
	e, err := s.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// asked is the answer of a query at a position, as rows, sorted.
func asked(t testing.TB, g *graph, r Request, at base.Position) []string {
	t.Helper()
	query, _, err := r.parse()
	if err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	snapshot := g.views[at]
	g.mu.Unlock()
	h := &Hub{cfg: Config{}.withDefaults(), ctx: t.Context()}
	_, rows, err := h.evaluate(&turn{group: &group{query: query, sight: r.Sight}, feed: &feed{}, view: View{Position: at, Graph: snapshot}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rows)
	return rows
}

// account is what a subscriber knows.
type account struct {
	rows map[string]int
	last Event
}

func (a *account) take(t testing.TB, e Event) {
	t.Helper()
	if e.Whole {
		a.rows = map[string]int{}
		for _, r := range e.Rows {
			a.rows[r]++
		}
	}
	for _, r := range e.Removed {
		if a.rows[r]--; a.rows[r] < 0 {
			t.Fatalf("at %d %s leaves and was not there", e.Position, r)
		}
	}
	for _, r := range e.Added {
		a.rows[r]++
	}
	if e.Position < a.last.Position || e.Position == a.last.Position && !e.Whole {
		t.Fatalf("after %d comes %d", a.last.Position, e.Position)
	}
	a.last = e
}

func (a *account) sorted() (rows []string) {
	for r, n := range a.rows {
		for range n {
			rows = append(rows, r)
		}
	}
	slices.Sort(rows)
	return rows
}

var questions = []string{
	`SELECT * { ?s :p ?o }`, `SELECT ?o { ?s :p ?o }`, `SELECT DISTINCT ?s { ?s ?p ?o }`, `SELECT ?s ?z { ?s :p ?o . ?o :q ?z }`,
	`SELECT ?s (COUNT(*) AS ?n) { ?s :p ?o } GROUP BY ?s`, `SELECT * { ?s :p ?o OPTIONAL { ?o :r ?z } }`, `SELECT * { ?s :p ?o FILTER NOT EXISTS { ?o :q ?z } }`,
	`SELECT * { :a :p+ ?o }`, `SELECT * { ?s :p* ?o }`, `SELECT ?g ?s { GRAPH ?g { ?s :p :b } }`, `SELECT * { GRAPH :g { :a ?p ?o } }`, `SELECT ?g { GRAPH ?g { } }`,
	`SELECT * FROM :g { ?s :p ?o }`, `SELECT * FROM NAMED :h { GRAPH ?g { ?s :q ?o } }`, `SELECT ?s { { ?s :p ?o } UNION { ?s :q ?o } }`, `SELECT * { ?s :p ?o MINUS { ?s :q ?o } }`,
	`SELECT ?o { :a :p ?o } ORDER BY ?o LIMIT 2`, `ASK { :a :p :b }`, `CONSTRUCT { ?o :of ?s } { ?s :p ?o }`, `DESCRIBE :a`, `DESCRIBE ?o { :b :p ?o }`, `SELECT * { ?s :r [] }`,
}

func randomQuad(r *rand.Rand) base.Quad {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	q := quad(pick("a", "b", "c", "a#x", "d"), pick("p", "q", "r", "s"), pick("a", "b", "c", "d"))
	if r.IntN(2) == 0 {
		q.G = iri(pick("g", "h", "secret"))
	}
	return q
}

// randomChange makes the net difference that views carry.
func randomChange(r *rand.Rand, have map[base.Quad]bool) (removed, added []base.Quad) {
	touched := map[base.Quad]bool{}
	for range 1 + r.IntN(3) {
		q := randomQuad(r)
		if touched[q] {
			continue
		}
		touched[q] = true
		if have[q] {
			removed = append(removed, q)
		} else {
			added = append(added, q)
		}
		have[q] = !have[q]
	}
	return removed, added
}

// Under a random writer, each subscriber's rows are at each announced position
// those that the query has there, also over lost connections.
func TestRowsAreExactAtEveryAnnouncedPosition(t *testing.T) {
	rounds := 300
	if os.Getenv("PICLOUD_LONG") != "" {
		rounds = 20_000
	}
	g := newGraph()
	h := hub(t, Config{})
	have := map[base.Quad]bool{}
	chance := rand.New(rand.NewPCG(3, 4))
	ctx, done := context.WithCancel(t.Context())
	defer done()
	var readers sync.WaitGroup
	var end base.Position // set before done
	counts := make([]struct{ events, resumed, reset int }, 2*len(questions))
	for i := range counts {
		readers.Go(func() {
			r := request(g, questions[i%len(questions)])
			if i >= len(questions) {
				r.Sight = sight("admin")
			}
			count := &counts[i]
			luck := rand.New(rand.NewPCG(uint64(i), 9))
			var a account
			for {
				s, err := h.Subscribe(t.Context(), r)
				if err != nil {
					t.Error(r.Text, err)
					return
				}
				first := true
				for n := 1 + luck.IntN(12); n > 0; n-- {
					e, err := s.Next(ctx)
					if err != nil {
						break
					}
					if first && r.After != "" {
						if count.resumed++; e.Reset {
							count.reset++
						}
					}
					first = false
					count.events++
					a.take(t, e)
					if got, want := a.sorted(), asked(t, g, r, e.Position); !slices.Equal(got, want) {
						t.Errorf("%s at %d: has %v, the answer is %v", r.Text, e.Position, got, want)
						s.Close()
						return
					}
				}
				s.Close()
				r.After = a.last.ID
				if ctx.Err() != nil {
					break
				}
			}
			// what nobody announced any more is what did not change
			r.AtLeast = end
			s, err := h.Subscribe(t.Context(), r)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for {
				event, _, err := s.ready()
				if err != nil || event == nil {
					break
				}
				a.take(t, *event)
			}
			if got, want := a.sorted(), asked(t, g, r, end); !slices.Equal(got, want) {
				t.Errorf("%s in the end: has %v, the answer is %v", r.Text, got, want)
			}
		})
	}
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for range rounds {
		end = g.change(randomChange(chance, have))
		if chance.IntN(4) > 0 {
			<-pace.C
		}
	}
	done()
	readers.Wait()
	events, resumed, reset := 0, 0, 0
	for _, c := range counts {
		events, resumed, reset = events+c.events, resumed+c.resumed, reset+c.reset
	}
	t.Logf("%d events over %d commits, %d runs; %d connections resumed, %d of them anew", events, rounds, h.Stats().Runs, resumed, reset)
	if events < rounds || reset > resumed/10 {
		t.Error("too few events, or too few resumed exactly")
	}
}

func TestFirstTheRowsThenWhatChanged(t *testing.T) {
	g := newGraph(quad("a", "p", "b"), quad("c", "p", "b"))
	h := hub(t, Config{})
	s := subscribe(t, h, request(g, `SELECT ?o { ?s :p ?o }`))
	const row = `{"o":{"type":"uri","value":"http://e/b"}}`
	if e := next(t, s); !e.Whole || e.Reset || e.Position != 1 || !slices.Equal(e.Rows, []string{row, row}) || !slices.Equal(s.Vars, []string{"o"}) {
		t.Fatalf("first comes %+v", e)
	}
	g.change([]base.Quad{quad("a", "p", "b")}, nil)
	if e := next(t, s); e.Position != 2 || !slices.Equal(e.Removed, []string{row}) || len(e.Added) > 0 {
		t.Fatalf("then comes %+v", e)
	}
	g.change(nil, []base.Quad{quad("x", "q", "y")})
	g.change([]base.Quad{quad("c", "p", "b")}, []base.Quad{quad("d", "p", "b")}) // the same rows as before
	at := g.change(nil, []base.Quad{quad("e", "p", "c")})
	if e := next(t, s); e.Position != at || len(e.Added) != 1 || len(e.Removed) > 0 {
		t.Fatalf("in the end comes %+v", e)
	}
}

func TestWhatCannotBeLiveIsRefused(t *testing.T) {
	g := newGraph()
	h := hub(t, Config{})
	for text, want := range map[string]string{
		`SELECT (NOW() AS ?t) { }`: "NOW()", `SELECT * { ?s :p ?o FILTER(RAND() < 0.5) }`: "RAND()", `SELECT * { BIND(BNODE() AS ?b) }`: "BNODE()",
		`SELECT * { SERVICE :x { ?s ?p ?o } }`: "SERVICE", `CONSTRUCT { [] :p ?o } { ?s :p ?o }`: "template",
		`SELECT * { ?s :p "` + strings.Repeat("x", textBytes) + `" }`: "KiB",
	} {
		_, err := h.Subscribe(t.Context(), request(g, text))
		var e *base.Error
		if !errors.As(err, &e) || !strings.Contains(e.Detail, want) {
			t.Errorf("%.40s gives %v", text, err)
		}
	}
	var syntax *sparql.Error
	if _, err := h.Subscribe(t.Context(), request(g, `SELECT`)); !errors.As(err, &syntax) || syntax.Code != sparql.CodeSyntax {
		t.Errorf("no SPARQL gives %v", err)
	}
	if s := h.Stats(); s != (Stats{}) {
		t.Errorf("refused queries leave %+v", s)
	}
}

// A change in a graph that a caller may not read neither shows nor costs a run.
func TestNothingTellsOfUnreadableGraphs(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := hub(t, Config{})
	for _, text := range []string{`SELECT * { ?s ?p ?o }`, `SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g`, `DESCRIBE :a`,
		`SELECT * FROM :secret { ?s ?p ?o }`, `SELECT * { ?s :p* ?o }`, `ASK { GRAPH :secret { } }`} {
		next(t, subscribe(t, h, request(g, text)))
	}
	before := h.Stats().Runs
	for i := range 20 {
		g.change(nil, []base.Quad{quad("a", "p", fmt.Sprint(i), "secret"), quad("a", "p", "c", fmt.Sprint("secret", i))})
	}
	at := g.change(nil, []base.Quad{quad("a", "p", "new")})
	s := subscribe(t, h, Request{Source: g, Sight: sight("admin"), Caller: "/tokens/b", Text: `SELECT * { ?s ?p ?o }`, AtLeast: at})
	if e := next(t, s); len(e.Rows) != 3+20 { // a triple of many graphs is one
		t.Errorf("who may read all has %d rows", len(e.Rows))
	}
	if runs := h.Stats().Runs - before; runs > 5+1 { // four queries at the last change, and the new one
		t.Errorf("%d runs for changes that may not be seen", runs)
	}
}

func TestEqualQueriesOfEqualSightAreOne(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := hub(t, Config{})
	var all []*Subscription
	for range 50 {
		s := subscribe(t, h, request(g, `SELECT * { ?s :p ?o }`))
		next(t, s)
		all = append(all, s)
	}
	r := request(g, `SELECT * { ?s :p ?o }`)
	r.Sight = sight("admin")
	next(t, subscribe(t, h, r))
	g.change(nil, []base.Quad{quad("c", "p", "d")})
	for _, s := range all {
		if e := next(t, s); e.Position != 2 {
			t.Errorf("%+v", e)
		}
	}
	if s := h.Stats(); s.Queries != 2 || s.Runs > 4 || s.Subscriptions != 51 {
		t.Errorf("%+v", s)
	}
}

func TestResumingIsExactOrSaysReset(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := hub(t, Config{})
	r := request(g, `SELECT ?s { ?s :p ?o }`)
	s := subscribe(t, h, r)
	first := next(t, s)
	s.Close()
	g.change(nil, []base.Quad{quad("c", "p", "d")}) // while nobody subscribes
	g.change(nil, []base.Quad{quad("e", "p", "f")})

	r.After = first.ID
	s = subscribe(t, h, r)
	if e := next(t, s); e.Whole || e.Position != 3 || len(e.Added) != 2 {
		t.Errorf("resumed with %+v", e)
	}
	s.Close()
	r.After = "1" // a bare position of this query
	if e := next(t, subscribe(t, h, r)); e.Whole || len(e.Added) != 2 {
		t.Errorf("resumed at a position with %+v", e)
	}
	for _, after := range []string{"2" + first.ID[1:], "99" + first.ID[1:], "1.000000000000", "x"} { // 2 was never announced
		r.After = after
		if e := next(t, subscribe(t, h, r)); !e.Whole || !e.Reset || len(e.Rows) != 3 {
			t.Errorf("resumed after %q with %+v", after, e)
		}
	}
	r.After = first.ID
	r.Sight = sight("admin")
	if e := next(t, subscribe(t, h, r)); !e.Reset {
		t.Errorf("resumed with other rights: %+v", e)
	}
	r.Sight, r.Text = sight("reader"), `SELECT ?s { ?s <http://e/p> ?z }`
	if e := next(t, subscribe(t, h, r)); !e.Reset {
		t.Errorf("resumed another query: %+v", e)
	}
}

// Who does not read loses nothing but the way: it begins anew.
func TestSlowSubscribersCostNoMemoryAndBeginAnew(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := hub(t, Config{})
	r := request(g, `SELECT ?s { ?s :p ?o }`)
	slow, fast := subscribe(t, h, r), subscribe(t, h, r)
	next(t, slow)
	next(t, fast)
	for i := range historySpans + 10 {
		g.change(nil, []base.Quad{quad(fmt.Sprint("n", i), "p", "b")})
		if e := next(t, fast); len(e.Added) != 1 {
			t.Fatalf("%+v", e)
		}
	}
	if e := next(t, slow); !e.Reset || len(e.Rows) != historySpans+11 {
		t.Errorf("%+v", e)
	}
	if len(slow.group.history) > historySpans {
		t.Errorf("%d spans are kept", len(slow.group.history))
	}
}

func TestSubscriptionsAreBounded(t *testing.T) {
	g := newGraph(quad("a", "p", "b"), quad("a", "p", "c"))
	h := hub(t, Config{PerCaller: 2, Subscriptions: 3, Rows: 1})
	r := request(g, `ASK { ?s :p ?o }`)
	one := subscribe(t, h, r)
	subscribe(t, h, r)
	fails := func(r Request, code base.Code) {
		t.Helper()
		var e *base.Error
		if _, err := h.Subscribe(t.Context(), r); !errors.As(err, &e) || e.Code != code {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	fails(r, base.Exhausted)
	r.Caller = "/tokens/b"
	subscribe(t, h, r)
	r.Caller = "/tokens/c"
	fails(r, base.Unavailable)
	one.Close()
	one.Close()
	subscribe(t, h, r).Close()
	fails(request(g, `SELECT * { ?s :p ?o }`), base.Exhausted) // two rows
}

func TestAnswersThatNobodyFollowsMakeRoom(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := hub(t, Config{Bytes: 20_000})
	for i := range 10 {
		s := subscribe(t, h, request(g, fmt.Sprintf(`SELECT ?s { ?s :p ?o } OFFSET 0 LIMIT %d`, i+1)))
		next(t, s)
		s.Close()
	}
	if s := h.Stats(); s.Bytes > 20_000 || s.Asleep == 0 || s.Asleep > 9 || s.Queries != 0 {
		t.Errorf("%+v", s)
	}
	few := hub(t, Config{Asleep: 2})
	for i := range 10 {
		s := subscribe(t, few, request(g, fmt.Sprintf(`ASK { ?s :p ?o } OFFSET %d`, i)))
		next(t, s)
		s.Close()
	}
	if s := few.Stats(); s.Asleep != 2 || s.Bytes > 20_000 {
		t.Errorf("%+v", s)
	}
}

func TestAnswersThatNobodyResumesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGraph(quad("a", "p", "b"))
		h := New(Config{Keep: time.Minute})
		defer h.Close()
		s := subscribe(t, h, request(g, `SELECT ?s { ?s :p ?o }`))
		next(t, s)
		s.Close()
		<-time.After(59 * time.Second)
		if s := h.Stats(); s.Asleep != 1 {
			t.Errorf("after 59 s: %+v", s)
		}
		<-time.After(2 * time.Second)
		if s := h.Stats(); s != (Stats{Runs: 1}) {
			t.Errorf("after 61 s: %+v", s)
		}
	})
}

func TestALostSourceEndsItsSubscriptions(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := hub(t, Config{})
	s := subscribe(t, h, request(g, `ASK { ?s :p ?o }`))
	next(t, s)
	gone := &base.Error{Code: base.NotFound, Detail: "the store was deleted"}
	g.fail(gone)
	if _, err := s.Next(t.Context()); !errors.Is(err, gone) {
		t.Errorf("it ends with %v", err)
	}
	s.Close()
	if s := h.Stats(); s.Queries+s.Asleep != 0 {
		t.Errorf("%+v", s)
	}
}

func TestALiveQueryCanBeEndedAtTheDesk(t *testing.T) {
	var quads []base.Quad
	for i := range 60 {
		quads = append(quads, quad("a", "p", fmt.Sprint(i)))
	}
	g := newGraph(quads...)
	d := desk.New(desk.Config{})
	h := hub(t, Config{Desk: d})
	failed := make(chan error)
	go func() {
		_, err := h.Subscribe(context.Background(), request(g, `SELECT (COUNT(*) AS ?n) { ?s :p ?a . ?s :p ?b . ?s :p ?c . ?s :p ?d . ?s :p ?e . ?s :p ?f FILTER(?a != ?b) }`))
		failed <- err
	}()
	for running := 0; running == 0; running, _ = d.Count() {
	}
	list := d.List()
	if len(list) != 1 || list[0].Kind != desk.Live || list[0].Caller != "/tokens/a" || list[0].Position != 1 && list[0].Position != 0 {
		t.Errorf("the desk lists %+v", list)
	}
	d.End(list[0].ID, "/tokens/admin")
	var ended *desk.Ended
	if err := <-failed; !errors.As(err, &ended) {
		t.Errorf("it ended with %v", err)
	}
}

// Who fills its own places at the desk holds up nobody else's live queries, and
// its own come when there is a place.
func TestABusyCallerHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGraph(quad("a", "p", "b"))
		d := desk.New(desk.Config{Running: 4, RunningPerCaller: 1})
		h := New(Config{Desk: d})
		defer h.Close()
		var own []*Subscription
		for i := range 5 {
			s := subscribe(t, h, request(g, fmt.Sprintf(`SELECT ?s { ?s :p ?o } LIMIT %d`, 100+i)))
			next(t, s)
			own = append(own, s)
		}
		r := request(g, `SELECT * { ?s :p ?o }`)
		r.Caller = "/tokens/b"
		other := subscribe(t, h, r)
		next(t, other)
		entry, err := d.Enter(t.Context(), desk.Work{Caller: "/tokens/a", Kind: desk.Query})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		g.change(nil, []base.Quad{quad("c", "p", "d")})
		next(t, other)
		if took := time.Since(began); took > time.Second {
			t.Errorf("the other caller waited %s", took)
		}
		<-time.After(5 * time.Second)
		entry.Leave(nil)
		for _, s := range own {
			if e := next(t, s); len(e.Added) != 1 {
				t.Errorf("%+v", e)
			}
		}
		entry, err = d.Enter(t.Context(), desk.Work{Caller: "/tokens/a", Kind: desk.Query})
		if err != nil {
			t.Fatal(err)
		}
		var busy *base.Error
		if _, err := h.Subscribe(t.Context(), request(g, `ASK { ?s :p ?o }`)); !errors.As(err, &busy) || busy.Code != base.Unavailable || busy.RetryAfter == 0 {
			t.Errorf("a new query without a turn ends with %v", err)
		}
		entry.Leave(nil)
		for _, s := range append(own, other) {
			s.Close()
		}
	})
}

func TestClosingEndsAll(t *testing.T) {
	g := newGraph(quad("a", "p", "b"))
	h := New(Config{})
	s := subscribe(t, h, request(g, `ASK { ?s :p ?o }`))
	next(t, s)
	h.Close()
	if _, err := s.Next(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("it ends with %v", err)
	}
	if _, err := h.Subscribe(t.Context(), request(g, `ASK { }`)); !errors.Is(err, ErrClosed) {
		t.Errorf("another begins with %v", err)
	}
}
