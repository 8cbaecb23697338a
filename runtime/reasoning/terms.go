package reasoning

import (
	"hash/maphash"

	"github.com/picloud/picloud/gen/base"
)

// terms is the dictionary of an engine.
type terms struct {
	list      []base.Term // by id; 0 is none
	mask      []uint64    // by id: its traits, and which guards it meets
	table     []id        // open addressing by hash; 0 is free
	seed      maphash.Seed
	canonical map[id]id // of isAlias
	foreign   func(iri string) bool
	names     int // ids 1…names are of the program
}

func newTerms(n *names, foreign func(string) bool) *terms {
	t := &terms{
		list: make([]base.Term, 1, len(n.terms)+64), mask: make([]uint64, 1, len(n.terms)+64),
		table: make([]id, 256), seed: maphash.MakeSeed(), canonical: map[id]id{}, foreign: foreign,
	}
	for _, name := range n.terms {
		t.intern(name)
	}
	t.names = len(n.terms)
	return t
}

func (t *terms) term(i id) base.Term { return t.list[i] }

func (t *terms) hash(term base.Term) uint32 {
	h := maphash.String(t.seed, term.Value)
	if term.Kind == base.LiteralTerm {
		h ^= 31*maphash.String(t.seed, term.Datatype) ^ uint64(len(term.Lang))<<7
	}
	h ^= uint64(term.Kind)
	return uint32(h ^ h>>32)
}

// find gives the id of a term, 0 for one that is not known.
func (t *terms) find(term base.Term) id {
	i, _ := t.slot(term)
	return i
}

func (t *terms) slot(term base.Term) (id, uint32) {
	mask := uint32(len(t.table) - 1)
	for s := t.hash(term) & mask; ; s = (s + 1) & mask {
		if i := t.table[s]; i == 0 || t.list[i] == term {
			return i, s
		}
	}
}

// intern finds or gives the id of a term.
func (t *terms) intern(term base.Term) id {
	i, slot := t.slot(term)
	if i != 0 {
		return i
	}
	i = id(len(t.list))
	t.list = append(t.list, term)
	m := traitsOf(term)
	if m&isIRI != 0 && t.foreign != nil && t.foreign(term.Value) {
		m |= isForeign
	}
	t.mask = append(t.mask, m)
	t.table[slot] = i
	if 2*len(t.list) > len(t.table) {
		t.grow()
	}
	if term.Kind == base.LiteralTerm {
		t.alias(i, term)
	}
	return i
}

func (t *terms) grow() {
	t.table = make([]id, 2*len(t.table))
	for i := 1; i < len(t.list); i++ {
		_, slot := t.slot(t.list[i])
		t.table[slot] = id(i)
	}
}

// alias notes that a literal is not the canonical one of its value.
func (t *terms) alias(i id, l base.Term) {
	if c := canonicalLiteral(l); c != l {
		t.mask[i] |= isAlias
		t.canonical[i] = t.intern(c)
	}
}

// canonicalLiteral is the one literal that stands for a value.
func canonicalLiteral(l base.Term) base.Term {
	if l.Lang != "" {
		return l // its case is a matter of writing that RDF 1.1 leaves as it is
	}
	space, v := valueOf(l)
	switch space {
	case "":
		return l
	case "text":
		l.Datatype = base.XSDString
	case "decimal":
		l.Datatype = base.XSD + "decimal"
		if integerForm.MatchString(v) {
			l.Datatype = base.XSD + "integer"
		}
	case "dateTime":
		l.Datatype = base.XSD + "dateTime"
	}
	l.Value = v
	return l
}

// value is an id that equal literals share: that of the canonical one.
func (t *terms) value(l id) id {
	if t.mask[l]&isAlias != 0 {
		return t.canonical[l]
	}
	return l
}

// bytes is about what the dictionary occupies, without the texts, which it
// shares with the store.
func (t *terms) bytes() int { return cap(t.list)*56 + cap(t.mask)*8 + cap(t.table)*4 }
