package reasoning

// fact is a row of the table. Rows are only appended, so that the number of a
// row is the time when its fact came, and what a fact was derived from stands
// above it.
type fact struct {
	s, p, o uint32 // p with its relation
	nextS   uint32 // rows of the same subject, those of the same predicate together; 0 ends
	nextO   uint32 // rows of the same object, likewise
	nextP   uint32 // rows of the same predicate
	count   uint32 // rule instances that give it
	flags   flags
}

type flags uint32

const (
	asserted flags = 1 << iota
	axiom          // given with the reasoner: never leaves, never shown
	gone           // deleted; the row remains until the table is built anew
	doomed         // waits for its deletion
	logged         // its visibility before the change is in was
	was
	used // has been a premise, so that others may need it
)

func (f *fact) alive() bool { return f.flags&gone == 0 }

// row is the number of a fact in the table; 0 is none.
type row = uint32

// table holds the facts of one engine with the indexes that joins need: about
// 60 bytes a fact.
type table struct {
	facts     []fact
	spo       index // rows by subject, predicate and object
	sp, po    index // first rows of their groups
	headS     []row // by id: first row of the subject
	headO     []row
	headP     map[uint32]row
	live      int
	instances int // sum of the counts of live facts, and of those on their way back
}

func newTable() *table {
	t := &table{facts: make([]fact, 1), headP: map[uint32]row{}}
	t.spo.slots, t.sp.slots, t.po.slots = make([]row, 64), make([]row, 64), make([]row, 64)
	return t
}

// index is a hash table of rows; what it compares is in the rows.
type index struct {
	slots []row
	n     int
}

func mix(a, b, c uint32) uint32 {
	h := uint64(a)*0x9E3779B97F4A7C15 ^ uint64(b)*0xC2B2AE3D27D4EB4F ^ uint64(c)*0x165667B19E3779F9
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	return uint32(h >> 32)
}

func (t *table) hashSPO(f *fact) uint32 { return mix(f.s, f.p, f.o) }
func (t *table) hashSP(f *fact) uint32  { return mix(f.s, f.p, 0) }
func (t *table) hashPO(f *fact) uint32  { return mix(0, f.p, f.o) }

// room makes place for one more row and tells whether the slots moved.
func (x *index) room(t *table, hash func(*fact) uint32) bool {
	x.n++
	if 3*x.n < 2*len(x.slots) {
		return false
	}
	old := x.slots
	x.slots = make([]row, 2*len(old))
	mask := uint32(len(x.slots) - 1)
	for _, r := range old {
		if r != 0 {
			s := hash(&t.facts[r]) & mask
			for x.slots[s] != 0 {
				s = (s + 1) & mask
			}
			x.slots[s] = r
		}
	}
	return true
}

// slotSPO is where the row of a triple is, or would be.
func (t *table) slotSPO(s, p, o uint32) uint32 {
	mask := uint32(len(t.spo.slots) - 1)
	for i := mix(s, p, o) & mask; ; i = (i + 1) & mask {
		r := t.spo.slots[i]
		if r == 0 {
			return i
		}
		if f := &t.facts[r]; f.s == s && f.p == p && f.o == o {
			return i
		}
	}
}

// find gives the last row of a triple, which may be gone, or 0.
func (t *table) find(s, p, o uint32) row { return t.spo.slots[t.slotSPO(s, p, o)] }

func (t *table) slotSP(s, p uint32) uint32 {
	mask := uint32(len(t.sp.slots) - 1)
	for i := mix(s, p, 0) & mask; ; i = (i + 1) & mask {
		r := t.sp.slots[i]
		if r == 0 {
			return i
		}
		if f := &t.facts[r]; f.s == s && f.p == p {
			return i
		}
	}
}

func (t *table) slotPO(p, o uint32) uint32 {
	mask := uint32(len(t.po.slots) - 1)
	for i := mix(0, p, o) & mask; ; i = (i + 1) & mask {
		r := t.po.slots[i]
		if r == 0 {
			return i
		}
		if f := &t.facts[r]; f.p == p && f.o == o {
			return i
		}
	}
}

// firstSP is the first row of a subject and predicate; the others follow by
// nextS as long as the predicate is the same.
func (t *table) firstSP(s, p uint32) row { return t.sp.slots[t.slotSP(s, p)] }

func (t *table) firstPO(p, o uint32) row { return t.po.slots[t.slotPO(p, o)] }

func (t *table) firstS(s uint32) row {
	if int(s) < len(t.headS) {
		return t.headS[s]
	}
	return 0
}

func (t *table) firstO(o uint32) row {
	if int(o) < len(t.headO) {
		return t.headO[o]
	}
	return 0
}

// add appends a fact that has no live row.
func (t *table) add(f fact) row {
	slot := t.slotSPO(f.s, f.p, f.o)
	old := t.spo.slots[slot]
	r := row(len(t.facts))
	t.facts = append(t.facts, f)
	t.live++
	if old == 0 {
		if t.spo.room(t, t.hashSPO) {
			slot = t.slotSPO(f.s, f.p, f.o)
		}
	}
	t.spo.slots[slot] = r
	t.linkS(r)
	t.linkO(r)
	t.facts[r].nextP = t.headP[f.p]
	t.headP[f.p] = r
	return r
}

func (t *table) linkS(r row) {
	f := &t.facts[r]
	slot := t.slotSP(f.s, f.p)
	if first := t.sp.slots[slot]; first != 0 {
		f.nextS, t.facts[first].nextS = t.facts[first].nextS, r
		return
	}
	if t.sp.room(t, t.hashSP) {
		slot = t.slotSP(f.s, f.p)
	}
	t.sp.slots[slot] = r
	t.headS = fit(t.headS, f.s)
	f.nextS, t.headS[f.s] = t.headS[f.s], r
}

func (t *table) linkO(r row) {
	f := &t.facts[r]
	slot := t.slotPO(f.p, f.o)
	if first := t.po.slots[slot]; first != 0 {
		f.nextO, t.facts[first].nextO = t.facts[first].nextO, r
		return
	}
	if t.po.room(t, t.hashPO) {
		slot = t.slotPO(f.p, f.o)
	}
	t.po.slots[slot] = r
	t.headO = fit(t.headO, f.o)
	f.nextO, t.headO[f.o] = t.headO[f.o], r
}

func fit(heads []row, i uint32) []row {
	for int(i) >= len(heads) {
		heads = append(heads, 0)
	}
	return heads
}

// bytes is what the table occupies.
func (t *table) bytes() int {
	return cap(t.facts)*32 + 4*(len(t.spo.slots)+len(t.sp.slots)+len(t.po.slots)+cap(t.headS)+cap(t.headO)) + 16*len(t.headP)
}
