package rdf

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTreesOfAnyIdsAreSortedSets changes trees whose ids are close together, far
// apart or both, so that keys take one word, two, or one and later two, and asks
// after each change for all that a tree tells.
func TestTreesOfAnyIdsAreSortedSets(t *testing.T) {
	for _, widths := range [][4]int{{1, 1, 1, 12}, {12, 1, 1, 1}, {17, 5, 17, 9}, {21, 21, 21, 2}, {24, 24, 24, 24}, {32, 32, 32, 32}, {1, 32, 31, 1}, {3, 32, 32, 32}, {0, 0, 32, 32}, {32, 0, 0, 32}} {
		t.Run(fmt.Sprint(widths), func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, uint64(widths[2])))
			id := func(place int) ID {
				if width := widths[place]; random.IntN(4) > 0 {
					return ID(random.Uint64N(1 << width))
				}
				return ^ID(random.Uint64N(1 << (widths[place] / 2))) // the greatest ones too
			}
			var tr tree
			var e editor
			var want []key
			for round := range 36 {
				e.epoch = uint64(round / 3)
				changes := someChanges(random, want, func() key { return pack(id(0), id(1), id(2), id(3)) })
				before, keys := tr, want
				if want = slices.Clone(want); len(changes) == 0 {
					continue
				}
				e.apply(&tr, changes)
				for _, c := range changes {
					if i, found := slices.BinarySearchFunc(want, c.key, key.compare); found {
						want = slices.Delete(want, i, i+1)
					} else {
						want = slices.Insert(want, i, c.key)
					}
				}
				if round%3 == 0 {
					tellsAll(t, before, keys, random) // a snapshot
				}
				tellsAll(t, tr, want, random)
				built := grow(len(want), e.epoch, func() func() key { i := -1; return func() key { i++; return want[i] } }())
				tellsAll(t, built, want, random)
			}
		})
	}
}

// someChanges are sorted changes of effect: some keys of a list go, others come.
func someChanges(random *rand.Rand, keys []key, some func() key) (changes []change) {
	chance := []int{0, 1, 9}[random.IntN(3)]
	for _, k := range keys {
		if random.IntN(10) < chance {
			changes = append(changes, change{k, true})
		}
	}
	for range 1 << random.IntN(10) {
		k := some()
		if _, found := slices.BinarySearchFunc(keys, k, key.compare); !found {
			changes = append(changes, change{k, false})
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return a.key.compare(b.key) })
	return slices.CompactFunc(changes, func(a, b change) bool { return a.key == b.key })
}

// tellsAll compares a tree with the sorted list of its keys.
func tellsAll(t *testing.T, tr tree, keys []key, random *rand.Rand) {
	t.Helper()
	if err := checkTree(tr); err != nil {
		t.Fatal(err)
	}
	if tr.size != len(keys) {
		t.Fatalf("%d of %d keys", tr.size, len(keys))
	}
	probes := []key{{}, {^uint64(0), ^uint64(0)}}
	for range 100 {
		if len(keys) == 0 {
			break
		}
		// A key, one beside it, and what it shares some places with.
		k := keys[random.IntN(len(keys))]
		probes = append(probes, k, key{k.hi, k.lo - 1}, key{k.hi, k.lo + 1}, key{k.hi - 1, k.lo}, key{k.hi, ^uint64(0)}, key{k.hi, 0},
			key{k.hi, k.lo ^ 1<<random.IntN(64)}, key{k.hi ^ 1<<random.IntN(64), k.lo}, key{k.hi | 1<<31, 0}, key{k.hi &^ (1<<32 - 1), ^uint64(0)})
	}
	for _, p := range probes {
		want, is := slices.BinarySearchFunc(keys, p, key.compare)
		if rank, found := tr.rank(p); tr.root != nil && (rank != want || found != is) || tr.has(p) != is {
			t.Fatalf("%x has the rank %d, %v, want %d, %v", p, rank, found, want, is)
		}
		if want < len(keys) && tr.nth(want) != keys[want] {
			t.Fatalf("%x at %d, want %x", tr.nth(want), want, keys[want])
		}
	}
	for i := range 100 {
		walks(t, tr, keys, probes[random.IntN(len(probes))], probes[random.IntN(len(probes))], i%2*random.IntN(5))
	}
	walks(t, tr, keys, key{}, key{^uint64(0), ^uint64(0)}, 0)
}

// walks compares a walk over a range, with leaps of some keys to and fro.
func walks(t *testing.T, tr tree, keys []key, from, to key, leap int) {
	t.Helper()
	at, _ := slices.BinarySearchFunc(keys, from, key.compare)
	stop, found := slices.BinarySearchFunc(keys, to, key.compare)
	if found {
		stop++
	}
	c := Cursor{root: tr.root, end: to}
	if tr.root != nil {
		c.descend(from)
	}
	for steps := 0; at < stop && steps < 300; steps++ {
		if !c.Next() || c.Quad() != SPOG.quad(keys[at]) {
			t.Fatalf("%v in the place of %v", c.Quad(), SPOG.quad(keys[at]))
		}
		if at++; leap > 0 && steps%4 == 3 {
			next := at + steps%7*leap*leap - leap
			c.Seek(SPOG.quad(keys[min(max(next, 0), len(keys)-1)]))
			at = max(at, min(next, len(keys)-1))
		}
	}
	for range 2 { // the end stays the end
		if at >= stop && c.Next() {
			t.Fatalf("%v behind the end %v", c.Quad(), SPOG.quad(to))
		}
	}
}

// TestNeighboursShareTheirBeginnings holds ids that are usual to the words that
// DESIGN.md counts with: one for each key.
func TestNeighboursShareTheirBeginnings(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 7))
	keys := make([]key, 100_000)
	for i := range keys {
		keys[i] = pack(ID(i/10), ID(random.IntN(200)), ID(random.IntN(1<<21)), ID(random.IntN(1<<14)))
	}
	slices.SortFunc(keys, key.compare)
	i := -1
	leaves := 0
	var count func(n *inner)
	tr := grow(len(keys), 1, func() key { i++; return keys[i] })
	count = func(n *inner) {
		for i := range n.n {
			if l := n.leaves[i]; l == nil {
				count(n.kids[i])
			} else if leaves++; l.wide {
				t.Error("a leaf has keys of two words")
			}
		}
	}
	count(tr.root)
	if want := len(shares(len(keys), leafFill)); leaves != want {
		t.Errorf("%d leaves, want %d", leaves, want)
	}
}
