package rdf

import (
	"io"
	"math"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// sharedMax is how much of the term before it a term may repeat. It bounds how
// many times larger than an image the memory of its terms can be, by the format itself.
const sharedMax = 255

// WriteImage writes the snapshot in a compact binary form that ReadImage reads
// back many times faster than a text. The same quads give the same bytes,
// whatever their history; terms that no quad uses are left out. It streams: the
// memory that it takes is 8 bytes a term. The format is in DESIGN.md.
func (s *Snapshot) WriteImage(w io.Writer) error {
	f := newFrameWriter(w)
	numbers, used := s.writeTerms(f)
	s.writeQuads(f, numbers, used)
	return f.flush()
}

// writeTerms writes the terms in use by kind, datatype, language and text, and
// gives them numbers in that order. The default graph has the number 1.
func (s *Snapshot) writeTerms(f *frameWriter) (numbers []ID, used []ID) {
	numbers = make([]ID, s.terms.n+1)
	for c := s.CursorIn(SPOG, IDQuad{}); c.Next(); {
		q := c.Quad()
		numbers[q.S], numbers[q.P], numbers[q.O], numbers[q.G] = 1, 1, 1, 1
	}
	byType := make([][]ID, len(s.terms.types))
	for id := DefaultGraph + 1; int(id) <= s.terms.n; id++ {
		if numbers[id] > 0 {
			typ := s.terms.entry(id).typ
			byType[typ] = append(byType[typ], id)
		}
	}
	var types []int
	for i := range byType {
		if len(byType[i]) > 0 {
			types = append(types, i)
		}
	}
	slices.SortFunc(types, func(a, b int) int { return s.terms.types[a].compare(s.terms.types[b]) })
	numbers[DefaultGraph] = DefaultGraph
	used = []ID{DefaultGraph}
	f.number(uint64(len(types)))
	for _, i := range types {
		s.writeTermsOf(f, s.terms.types[i], byType[i])
		for _, id := range byType[i] {
			used = append(used, id)
			numbers[id] = ID(len(used))
		}
	}
	return numbers, used
}

// writeTermsOf sorts and writes the terms of one type, each as the length that
// it shares with the one before it and the rest.
func (s *Snapshot) writeTermsOf(f *frameWriter, t termType, ids []ID) {
	slices.SortFunc(ids, func(a, b ID) int { return strings.Compare(s.terms.entry(a).value, s.terms.entry(b).value) })
	f.number(uint64(t.kind))
	f.text(t.datatype)
	f.text(t.lang)
	f.number(uint64(len(ids)))
	before := ""
	for _, id := range ids {
		value := s.terms.entry(id).value
		n := shared(before, value)
		f.number(uint64(n))
		f.text(value[n:])
		before = value
	}
}

// writeQuads writes the quads ordered by the numbers of their terms, each as
// the distance from the one before it.
func (s *Snapshot) writeQuads(f *frameWriter, numbers, used []ID) {
	f.number(uint64(s.Len()))
	last := IDQuad{G: DefaultGraph}
	var quads []IDQuad
	for _, subject := range used {
		quads = quads[:0]
		for c := s.Cursor(IDQuad{S: subject}); c.Next(); {
			q := c.Quad()
			quads = append(quads, IDQuad{numbers[q.S], numbers[q.P], numbers[q.O], numbers[q.G]})
		}
		slices.SortFunc(quads, compareSPOG)
		for _, q := range quads {
			writeQuad(f, last, q)
			last = q
		}
	}
}

// writeQuad writes the distance of the first place that differs and all places
// behind it; a graph is 0 where it stays the same.
func writeQuad(f *frameWriter, last, q IDQuad) {
	f.number(uint64(q.S - last.S))
	if q.S != last.S {
		last.P, last.O = 0, 0
	}
	f.number(uint64(q.P - last.P))
	if q.P != last.P {
		last.O = 0
	}
	f.number(uint64(q.O - last.O))
	if q.G == last.G {
		f.number(0)
	} else {
		f.number(uint64(q.G))
	}
}

// shared is how many bytes two texts have in common at their start.
func shared(a, b string) int {
	n := min(len(a), len(b), sharedMax)
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// ReadImage reads an image to its end as a new store. Whatever the bytes are,
// it takes no more memory than a fixed multiple of their number, and an error
// says what is wrong; the way out is to make the store from its source again.
func ReadImage(r io.Reader) (*Store, error) {
	f := newFrameReader(r)
	s := NewStore()
	ids := s.readTerms(f)
	quads := readQuads(f, ids)
	if err := f.end(); err != nil {
		return nil, err
	}
	s.rebuild(quads)
	return s, nil
}

// readTerms gives an id to each term of an image, ascending like their numbers;
// documents of fragments get ids too, so an id is not a number.
func (s *Store) readTerms(f *frameReader) (ids []ID) {
	ids = []ID{Any, DefaultGraph}
	var before termType
	for types := f.number(math.MaxUint32); types > 0 && f.err == nil; types-- {
		t := termType{base.TermKind(f.number(uint64(base.LiteralTerm))), string(f.text()), string(f.text())}
		if t.compare(before) <= 0 || t.kind != base.LiteralTerm && t.datatype+t.lang != "" {
			f.fail("the kinds of term are not what the format says")
			return nil
		}
		ids = s.readTermsOf(f, t, ids)
		before = t
	}
	return ids
}

func (s *Store) readTermsOf(f *frameReader, t termType, ids []ID) []ID {
	before := ""
	var text []byte
	for i, n := uint64(0), f.number(math.MaxUint32); i < n && f.err == nil; i++ {
		same := f.number(sharedMax)
		rest := f.text()
		if same > uint64(len(before)) || len(ids) == math.MaxInt32 {
			f.fail("a term repeats more than there is")
			return nil
		}
		text = append(append(text[:0], before[:same]...), rest...)
		if i > 0 && string(text) <= before {
			f.fail("the terms are not in order")
			return nil
		}
		id := s.dict.intern(base.Term{Kind: t.kind, Value: string(text), Datatype: t.datatype, Lang: t.lang})
		ids = append(ids, id)
		before = s.dict.entry(id).value
	}
	return ids
}

// readQuads reads the quads of an image, which come in order.
func readQuads(f *frameReader, ids []ID) []IDQuad {
	n := f.number(math.MaxUint32)
	quads := make([]IDQuad, 0, min(n, 1<<16))
	last, most := IDQuad{G: DefaultGraph}, uint64(len(ids)-1)
	for ; n > 0 && f.err == nil; n-- {
		q := readQuad(f, last, most)
		if compareSPOG(last, q) >= 0 || uint64(q.S) > most || uint64(q.P) > most || uint64(q.O) > most || q.S == 0 || q.P == 0 || q.O == 0 {
			f.fail("the quads are not in order, or of unknown terms")
			return nil
		}
		quads = append(quads, IDQuad{ids[q.S], ids[q.P], ids[q.O], ids[q.G]})
		last = q
	}
	return quads
}

func readQuad(f *frameReader, last IDQuad, most uint64) IDQuad {
	q := IDQuad{S: last.S + ID(f.number(most)), G: last.G}
	if q.S != last.S {
		last.P, last.O = 0, 0
	}
	q.P = last.P + ID(f.number(most))
	if q.P != last.P {
		last.O = 0
	}
	q.O = last.O + ID(f.number(most))
	if g := ID(f.number(most)); g != 0 {
		q.G = g
	}
	return q
}
