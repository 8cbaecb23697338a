package state

import (
	"iter"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Head is where in the log a state stands.
type Head struct {
	Position base.Position // of the last event folded; 0 = none
	Time     base.Time     // log time of it
	Chain    [32]byte      // digest chain of the log up to it
}

// Entry is one live resource with the event that last changed it. The event is
// an envelope: its payload knows its kind and type only.
type Entry struct {
	Resource domain.Resource
	Event    *domain.Event
}

// State is what the log amounts to at one position.
type State struct {
	Head
	entries     *btree.Map[base.Ref, Entry]
	referrers   *btree.Map[string, struct{}] // target NUL source
	collections *btree.Map[base.Ref, base.Position]
	receipts    receipts

	// fork guards Copy, which marks the trees that it copies; reads do not look
	// at the marks.
	fork sync.Mutex
}

// New is the state before the first event.
func New() *State {
	return &State{
		entries:     btree.NewMap[base.Ref, Entry](0),
		referrers:   btree.NewMap[string, struct{}](0),
		collections: btree.NewMap[base.Ref, base.Position](0),
		receipts:    newReceipts(),
	}
}

func (s *State) copy() *State {
	s.fork.Lock()
	defer s.fork.Unlock()
	return &State{
		Head:        s.Head,
		entries:     s.entries.Copy(),
		referrers:   s.referrers.Copy(),
		collections: s.collections.Copy(),
		receipts:    s.receipts.copy(),
	}
}

// Get finds a live resource; nil when there is none.
func (s *State) Get(ref base.Ref) domain.Resource {
	entry, _ := s.entries.Get(ref)
	return entry.Resource
}

// Entry finds a live resource with its last event.
func (s *State) Entry(ref base.Ref) (Entry, bool) { return s.entries.Get(ref) }

// Len is the number of live resources.
func (s *State) Len() int { return s.entries.Len() }

// All yields every live resource in the order of addresses.
func (s *State) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		s.entries.Scan(func(_ base.Ref, e Entry) bool { return yield(e) })
	}
}

// Below yields the resources whose address lies below another's, at any depth,
// in the order of addresses.
func (s *State) Below(ref base.Ref) iter.Seq[Entry] {
	return s.Prefix(strings.TrimSuffix(string(ref), "/")+"/", "")
}

// Prefix yields the resources whose address begins with a prefix and comes
// after another address, in the order of addresses. The address that is the
// prefix itself is not among them.
func (s *State) Prefix(prefix string, after base.Ref) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		start := max(base.Ref(prefix), after)
		s.entries.Ascend(start, func(ref base.Ref, e Entry) bool {
			if !strings.HasPrefix(string(ref), prefix) {
				return false
			}
			if ref == after || string(ref) == prefix {
				return true
			}
			return yield(e)
		})
	}
}

// List yields the members of a collection ("/products/photo-app/volumes") after
// a name, in the order of names. What lies below a member is skipped, not read.
func (s *State) List(collection string, after string) iter.Seq[Entry] {
	prefix := strings.TrimSuffix(collection, "/") + "/"
	return func(yield func(Entry) bool) {
		for pivot := base.Ref(prefix + after); pivot != ""; {
			next := base.Ref("")
			s.entries.Ascend(pivot, func(ref base.Ref, e Entry) bool {
				name, below := strings.CutPrefix(string(ref), prefix)
				if !below {
					return false
				}
				if member, _, nested := strings.Cut(name, "/"); nested {
					next = base.Ref(prefix + member + afterSlash)
					return false
				}
				return name == after || yield(e)
			})
			pivot = next
		}
	}
}

// afterSlash is the least text greater than everything that begins with "/".
const afterSlash = "0"

// LastIn is the position of the last event about any member of a collection,
// also of members that are gone; 0 when it never had one.
func (s *State) LastIn(collection string) base.Position {
	position, _ := s.collections.Get(base.Ref(strings.TrimSuffix(collection, "/")))
	return position
}

// Referrers yields the resources that declare a reference to target, in the
// order of addresses.
func (s *State) Referrers(target base.Ref) iter.Seq[domain.Resource] {
	return func(yield func(domain.Resource) bool) {
		prefix := string(target) + "\x00"
		s.referrers.Ascend(prefix, func(edge string, _ struct{}) bool {
			source, ok := strings.CutPrefix(edge, prefix)
			return ok && yield(s.Get(base.Ref(source)))
		})
	}
}

// Receipt finds what became of a request by its idempotency key.
func (s *State) Receipt(key [32]byte) (Receipt, bool) { return s.receipts.get(key) }
