package rdf

import (
	"iter"

	"github.com/picloud/picloud/gen/base"
)

// ID stands for a term in the store. Ids are dense, begin at 1 and mean the
// same term in every snapshot of one store between two compactions; compare
// ids only within one snapshot.
type ID uint32

// Ids with a fixed meaning.
const (
	// Any matches every term in a pattern and is the id of no term.
	Any ID = 0
	// DefaultGraph is the graph of quads whose graph is the zero term.
	DefaultGraph ID = 1
)

// IDQuad is a quad of ids; as a pattern, Any matches everything.
type IDQuad struct{ S, P, O, G ID }

// Store is a set of quads with one writer and any number of readers.
type Store struct{}

// NewStore makes an empty store.
func NewStore() *Store { return &Store{} }

// Apply removes and then adds quads as one change, and reports how many quads
// really left and came.
func (s *Store) Apply(remove, add []base.Quad) (removed, added int) { return 0, 0 }

// Load adds many quads at once by sorting and building.
func (s *Store) Load(quads iter.Seq[base.Quad]) (added int) { return 0 }

// LoadQuads is Load of a slice.
func (s *Store) LoadQuads(quads []base.Quad) (added int) { return 0 }

// Snapshot is the store as it is now, for ever. It costs O(1).
func (s *Store) Snapshot() *Snapshot { return &Snapshot{} }
