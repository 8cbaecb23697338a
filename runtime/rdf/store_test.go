package rdf

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
)

// anyQuad draws from few terms, so that quads meet.
func anyQuad(t *rapid.T) base.Quad {
	term := func(kind string, n int) base.Term {
		return base.IRI(fmt.Sprintf("http://e/%s#%d", kind, rapid.IntRange(0, n).Draw(t, kind)))
	}
	q := base.Quad{S: term("s", 20), P: term("p", 3), O: term("o", 20)}
	if rapid.Bool().Draw(t, "named") {
		q.G = term("g", 2)
	}
	return q
}

func TestStoreIsTheSetOfItsQuads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store, model := NewStore(), map[base.Quad]bool{}
		type past struct {
			snapshot *Snapshot
			model    map[base.Quad]bool
		}
		var pasts []past
		lone := rapid.IntRange(0, 12).Draw(t, "changes of one graph")
		for i := range rapid.IntRange(1, 12).Draw(t, "changes") {
			add := rapid.SliceOfN(rapid.Custom(anyQuad), 0, 200).Draw(t, "add")
			for j := range add {
				if i < lone {
					add[j].G = base.Term{}
				}
			}
			before := len(model)
			if rapid.Bool().Draw(t, "load") {
				for _, q := range add {
					model[q] = true
				}
				if got := store.LoadQuads(add); got != len(model)-before {
					t.Fatalf("Load added %d, want %d", got, len(model)-before)
				}
			} else {
				remove := rapid.SliceOfN(rapid.Custom(anyQuad), 0, 200).Draw(t, "remove")
				for _, q := range remove {
					delete(model, q)
				}
				between := len(model)
				for _, q := range add {
					model[q] = true
				}
				removed, added := store.Apply(remove, add)
				if removed != before-between || added != len(model)-between {
					t.Fatalf("Apply removed %d, added %d, want %d, %d", removed, added, before-between, len(model)-between)
				}
			}
			if rapid.IntRange(0, 5).Draw(t, "compact") == 0 {
				store.compact()
			}
			pasts = append(pasts, past{store.Snapshot(), maps.Clone(model)})
		}
		for _, p := range pasts { // the old ones too: a snapshot never changes
			checkSnapshot(t, p.snapshot, p.model, rapid.Custom(anyQuad).Draw(t, "pattern"))
		}
	})
}

func checkSnapshot(t *rapid.T, s *Snapshot, model map[base.Quad]bool, at base.Quad) {
	if s.Len() != len(model) {
		t.Fatalf("Len %d, want %d", s.Len(), len(model))
	}
	for o := range s.trees {
		if err := checkTree(s.trees[o]); err != nil {
			t.Fatal(Order(o), err)
		}
	}
	for bits := range 16 {
		p, known := pattern(s, at, bits)
		if !known {
			continue
		}
		want := 0
		for q := range model {
			if (bits&1 == 0 || q.S == at.S) && (bits&2 == 0 || q.P == at.P) && (bits&4 == 0 || q.O == at.O) && (bits&8 == 0 || q.G == at.G) {
				want++
			}
		}
		if got := s.Count(p); got != want {
			t.Fatalf("Count(%v) = %d, want %d", p, got, want)
		}
		i := 0
		for c := s.Cursor(p); c.Next(); i++ {
			if got := s.Nth(p, i); got != c.Quad() {
				t.Fatalf("Nth(%v, %d) = %v, want %v", p, i, got, c.Quad())
			}
		}
		for o := SPOG; o < orders; o++ {
			got, last := 0, key{}
			for c := s.CursorIn(o, p); c.Next(); got++ {
				if k := o.key(c.Quad()); got > 0 && !last.less(k) {
					t.Fatal("not in order", o)
				}
				last = o.key(c.Quad())
				if o == orderFor(p) && s.Nth(p, got) != c.Quad() {
					t.Fatalf("Nth(%v, %d) is another than the cursor's", p, got)
				}
				if !model[s.Quad(c.Quad())] {
					t.Fatal("unknown quad", s.Quad(c.Quad()))
				}
			}
			if got != want {
				t.Fatalf("%v %v yields %d, want %d", o, p, got, want)
			}
			checkSeek(t, s, o, p)
		}
	}
}

// checkSeek seeks from the start and from the middle, to any ids.
func checkSeek(t *rapid.T, s *Snapshot, o Order, p IDQuad) {
	var all []IDQuad
	for c := s.CursorIn(o, p); c.Next(); {
		all = append(all, c.Quad())
	}
	id := rapid.SampledFrom([]ID{0, 1, 2, 3, 4, 6, 9, ^ID(0)})
	to := IDQuad{id.Draw(t, "s"), id.Draw(t, "p"), id.Draw(t, "o"), id.Draw(t, "g")}
	from := rapid.IntRange(0, len(all)).Draw(t, "from")
	c := s.CursorIn(o, p)
	for range from {
		c.Next()
	}
	c.Seek(to)
	for _, want := range all[from:] {
		if o.key(want).less(o.key(to)) {
			continue
		}
		if !c.Next() || c.Quad() != want {
			t.Fatalf("%v %v from %d to %v: no %v", o, p, from, to, want)
		}
	}
	if c.Next() {
		t.Fatalf("%v %v from %d to %v: then %v", o, p, from, to, c.Quad())
	}
}

func pattern(s *Snapshot, q base.Quad, bits int) (p IDQuad, known bool) {
	known = true
	for i, place := range []struct {
		to   *ID
		term base.Term
	}{{&p.S, q.S}, {&p.P, q.P}, {&p.O, q.O}, {&p.G, q.G}} {
		if bits&(1<<i) != 0 {
			id, ok := s.Lookup(place.term)
			*place.to, known = id, known && ok
		}
	}
	return p, known
}

// checkTree checks the sizes and keys that inner nodes keep of their kids.
func checkTree(t tree) error {
	if t.root == nil {
		return nil
	}
	if n := int(t.root.describe().size); n != t.size {
		return fmt.Errorf("the root counts %d of %d", n, t.size)
	}
	if t.root.n == 1 && t.root.leaves[0] == nil {
		return fmt.Errorf("the root has one kid")
	}
	_, err := checkNode(t.root)
	return err
}

func checkNode(n *inner) (depth int, err error) {
	for i := range kidMax {
		b := n.branch(i)
		if i >= n.n {
			if b.leaf != nil || b.inner != nil {
				return 0, fmt.Errorf("a node holds on to a kid that left")
			}
			continue
		}
		below := 0
		switch {
		case (b.leaf == nil) == (b.inner == nil):
			return 0, fmt.Errorf("a kid is neither leaf nor inner node")
		case b.leaf != nil:
			if b.leaf.n == 0 || b != b.leaf.describe() || !slices.IsSortedFunc(b.leaf.append(nil, 0, int(b.leaf.n)), key.compare) {
				return 0, fmt.Errorf("a leaf is empty, not ascending or not what its parent says")
			}
		default:
			if b.inner.n == 0 || b != b.inner.describe() {
				return 0, fmt.Errorf("a kid is empty or not what its parent says")
			}
			if below, err = checkNode(b.inner); err != nil {
				return 0, err
			}
		}
		if i > 0 && below+1 != depth {
			return 0, fmt.Errorf("leaves lie at different depths")
		}
		depth = below + 1
	}
	return depth, nil
}

func TestSeekSkipsToTheFirstQuadNotBefore(t *testing.T) {
	s := NewStore()
	var quads []base.Quad
	for i := range 5000 {
		quads = append(quads, base.Quad{S: base.IRI(fmt.Sprint("http://e/", i/3)), P: base.IRI("http://e/p"), O: base.Integer(int64(i))})
	}
	s.LoadQuads(quads)
	snap := s.Snapshot()
	all := slices.Collect(snap.Match(IDQuad{}))
	c := snap.Cursor(IDQuad{})
	for i := 0; i < len(all); i += 1 + i%97 {
		c.Seek(all[i])
		if !c.Next() || c.Quad() != all[i] {
			t.Fatalf("at %d: %v, want %v", i, c.Quad(), all[i])
		}
		c.Seek(all[0]) // never back
	}
	c.Seek(IDQuad{S: ^ID(0)})
	if c.Next() {
		t.Fatal("a quad behind the last")
	}
}

func TestReadersNeedNoLockWhileTheWriterGoesOn(t *testing.T) {
	store := NewStore()
	quad := func(i int) base.Quad {
		return base.Quad{S: base.IRI(fmt.Sprint("http://e/s#", i%500)), P: base.IRI("http://e/p"), O: base.LangString(fmt.Sprint(i), fmt.Sprint("x-", i%50))}
	}
	var readers sync.WaitGroup
	for i := range 3000 {
		store.Apply([]base.Quad{quad(i - 700)}, []base.Quad{quad(i)})
		if i%100 != 0 {
			continue
		}
		snap := store.Snapshot()
		readers.Go(func() {
			n := 0
			for q := range snap.Quads(IDQuad{}) {
				if id, ok := snap.Lookup(q.O); !ok || snap.Term(id) != q.O {
					t.Errorf("%v is lost", q.O)
				}
				n++
			}
			if want := min(i+1, 700); n != want {
				t.Errorf("at %d: %d quads, want %d", i, n, want)
			}
			if got := len(slices.Collect(snap.Describe("http://e/s", Any))); got != n {
				t.Errorf("at %d: the document has %d quads, want %d", i, got, n)
			}
		})
	}
	readers.Wait()
}

func TestTermsOutOfUseAreForgotten(t *testing.T) {
	store := NewStore()
	kept := base.Quad{S: base.IRI("http://e/s"), P: base.IRI("http://e/p"), O: base.String("kept")}
	store.Apply(nil, []base.Quad{kept})
	for i := range 3 * garbageMin {
		q := base.Quad{S: kept.S, P: kept.P, O: base.Integer(int64(i))}
		store.Apply(nil, []base.Quad{q})
		store.Apply([]base.Quad{q}, nil)
	}
	s := store.Snapshot()
	if s.Terms() > garbageMin+10 {
		t.Errorf("%d terms are kept for one quad", s.Terms())
	}
	if got := slices.Collect(s.Quads(IDQuad{})); len(got) != 1 || got[0] != kept {
		t.Errorf("got %v", got)
	}
}

func TestDescribeYieldsTheResourceAndItsFragmentsOnly(t *testing.T) {
	store := NewStore()
	p := base.IRI("http://e/p")
	mine := []base.Quad{
		{S: base.IRI("http://e/r"), P: p, O: base.IRI("http://e/r#b")},
		{S: base.IRI("http://e/r#a/1"), P: p, O: base.String("1")},
		{S: base.IRI("http://e/r#b"), P: p, O: base.String("2")},
	}
	store.LoadQuads(append(slices.Clone(mine),
		base.Quad{S: base.IRI("http://e/rr#a"), P: p, O: p},
		base.Quad{S: base.IRI("http://e/r/x"), P: p, O: p},
		base.Quad{S: base.IRI("http://e/r#b"), P: p, O: p, G: p}))
	s := store.Snapshot()
	got := map[base.Quad]bool{}
	for q := range s.Describe("http://e/r", DefaultGraph) {
		got[s.Quad(q)] = true
	}
	if len(got) != len(mine) {
		t.Errorf("got %v", got)
	}
	for _, q := range mine {
		if !got[q] {
			t.Errorf("%v is missing", q)
		}
	}
}

func TestAnOldSnapshotKnowsNothingOfLaterTerms(t *testing.T) {
	store, p := NewStore(), base.IRI("http://e/p")
	fragment := func(i int) base.Quad {
		return base.Quad{S: base.IRI(fmt.Sprint("http://e/d#", i)), P: p, O: base.Integer(int64(i))}
	}
	store.Apply(nil, []base.Quad{fragment(0), fragment(1)})
	old := store.Snapshot()
	for i := range 3 * chunkSize { // more than the blocks that old can see
		store.Apply(nil, []base.Quad{fragment(i)})
	}
	if n := len(slices.Collect(old.Describe("http://e/d", DefaultGraph))); n != 2 {
		t.Errorf("%d quads, want 2", n)
	}
	if id, ok := old.Lookup(fragment(5).S); ok {
		t.Errorf("a later term has the id %d", id)
	}
	if got := old.Term(ID(old.Terms() + 5000)); !got.IsZero() {
		t.Errorf("a later id is %v", got)
	}
	if n := len(slices.Collect(store.Snapshot().Describe("http://e/d", Any))); n != 3*chunkSize {
		t.Errorf("%d quads, want %d", n, 3*chunkSize)
	}
}

func TestDigestKnowsQuadsNotHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quads := rapid.SliceOfN(rapid.Custom(anyQuad), 1, 50).Draw(t, "quads")
		a, b := NewStore(), NewStore()
		a.LoadQuads(quads)
		for _, q := range rapid.Permutation(quads).Draw(t, "order") {
			b.Apply(nil, []base.Quad{q})
		}
		if a.Snapshot().Digest() != b.Snapshot().Digest() {
			t.Fatal("the same quads, another digest")
		}
		b.Apply(quads[:1], nil)
		if a.Snapshot().Digest() == b.Snapshot().Digest() {
			t.Fatal("a quad less, the same digest")
		}
	})
}
