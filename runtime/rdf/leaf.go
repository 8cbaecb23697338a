package rdf

import "math/bits"

const (
	leafMax = 44 // words in a leaf of 384 bytes
	// Where keys take two words each.
	wideMax = leafMax / 2
	// In words: leaves with fewer are joined with their neighbours.
	leafMin = leafMax / 2
	// What is packed anew leaves room, so that the next inserts do not split it.
	leafFill = leafMax - leafMax/8
	wideFill = wideMax - wideMax/8
	// beyond is more than any word of a frame.
	beyond = 1 << 63
)

// leaf holds keys, ascending. Neighbours are alike, so it has what is common to them
// once, and what is each one's own in a word; only where that has no room in two.
type leaf struct {
	epoch uint64 // of the writer that may change it in place
	frame
	n     uint8 // of keys
	words [leafMax]uint64
}

// frame tells keys as words in the same order: of each place how far it is beyond a
// base. The first place has the bits from shift[0] up to 62, the last those below
// shift[2].
type frame struct {
	base  key
	shift [3]uint8
	wide  bool // keys as they are, in two words
}

// frameOf is the frame of keys that are ascending. The bits that they do not need
// are shared out, above and below, so that most later keys fit in as well.
func frameOf(keys []key) frame {
	low, high := keys[0].places(), keys[len(keys)-1].places()
	for i := 1; i < 4; i++ {
		low[i], high[i] = min(low[i], high[i]), max(low[i], high[i])
	}
	for i := range keys {
		b, c, d := ID(keys[i].hi), ID(keys[i].lo>>32), ID(keys[i].lo)
		low[1], high[1] = min(low[1], b), max(high[1], b)
		low[2], high[2] = min(low[2], c), max(high[2], c)
		low[3], high[3] = min(low[3], d), max(high[3], d)
	}
	var need [4]int
	spare := 63
	for i := range need {
		need[i] = bits.Len32(uint32(high[i] - low[i]))
		spare -= need[i]
	}
	if spare < 0 {
		return frame{wide: true}
	}
	var f frame
	end := 0
	for i := 3; i > 0; i-- {
		has := min(32, need[i]+spare/4)
		low[i] -= min(low[i], (ID(1<<has-1)-(high[i]-low[i]))/2)
		end += has
		f.shift[i-1] = uint8(end)
	}
	f.base = pack(low[0], low[1], low[2], low[3])
	return f
}

// key is what a word stands for.
func (f *frame) key(w uint64) key {
	a, b, c := f.shift[0]&63, f.shift[1]&63, f.shift[2]&63
	return key{
		f.base.hi + w>>a<<32 + w>>b&(1<<(a-b)-1),
		f.base.lo + w>>c&(1<<(b-c)-1)<<32 + w&(1<<c-1),
	}
}

// word is the least word that does not stand for a key before k, and whether it
// stands for k.
func (f *frame) word(k key) (w uint64, fits bool) {
	a, b, c := f.shift[0]&63, f.shift[1]&63, f.shift[2]&63
	place, base := k.hi>>32, f.base.hi>>32
	if place < base {
		return 0, false
	}
	if place -= base; place >= beyond>>a {
		return beyond, false
	}
	w = place << a
	if place, base = uint64(uint32(k.hi)), uint64(uint32(f.base.hi)); place < base {
		return w, false
	}
	if place -= base; place >= 1<<(a-b) {
		return w + 1<<a, false
	}
	w += place << b
	if place, base = k.lo>>32, f.base.lo>>32; place < base {
		return w, false
	}
	if place -= base; place >= 1<<(b-c) {
		return w + 1<<b, false
	}
	w += place << c
	if place, base = uint64(uint32(k.lo)), uint64(uint32(f.base.lo)); place < base {
		return w, false
	}
	if place -= base; place >= 1<<c {
		return w + 1<<c, false
	}
	return w + place, true
}

// at is the i-th key.
func (l *leaf) at(i int) key {
	if l.wide {
		return key{l.words[2*i], l.words[2*i+1]}
	}
	return l.key(l.words[i])
}

// search is the number of keys that are less than k, and whether k is among the
// keys.
func (l *leaf) search(k key) (i int, found bool) {
	if l.wide {
		return l.searchWide(k)
	}
	w, fits := l.word(k)
	i = l.below(w)
	return i, fits && i < int(l.n) && l.words[i] == w
}

// below is the number of words that are less than w.
func (l *leaf) below(w uint64) int {
	lo, hi := 0, int(l.n)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.words[mid] < w {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

func (l *leaf) searchWide(k key) (i int, found bool) {
	lo, hi := 0, int(l.n)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if l.at(mid).less(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, lo < int(l.n) && l.at(lo) == k
}

// upTo is the number of keys that are not greater than k, or from if that is more.
func (l *leaf) upTo(k key, from int) int {
	if l.wide {
		i, found := l.searchWide(k)
		if found {
			i++
		}
		return max(i, from)
	}
	w, fits := l.word(k)
	if l.words[l.n-1] < w {
		return int(l.n)
	}
	if fits {
		w++
	}
	return l.behind(w, from)
}

// after is search in what lies from the i-th key on.
func (l *leaf) after(k key, from int) int {
	if l.wide {
		i, _ := l.searchWide(k)
		return max(i, from)
	}
	w, _ := l.word(k)
	if l.words[l.n-1] < w {
		return int(l.n)
	}
	return l.behind(w, from)
}

// behind is below from the i-th word on, where it mostly is.
func (l *leaf) behind(w uint64, from int) int {
	for i := from; i < min(from+6, int(l.n)); i++ {
		if l.words[i] >= w {
			return i
		}
	}
	return max(l.below(w), from)
}

// append appends the keys from one to before another.
func (l *leaf) append(keys []key, from, to int) []key {
	for i := from; i < to; i++ {
		keys = append(keys, l.at(i))
	}
	return keys
}

// set gives a leaf keys that have room in it.
func (l *leaf) set(f frame, keys []key) {
	l.frame, l.n = f, uint8(len(keys))
	for i, k := range keys {
		if f.wide {
			l.words[2*i], l.words[2*i+1] = k.hi, k.lo
		} else {
			l.words[i], _ = f.word(k)
		}
	}
}

// describe is a leaf that is not empty as its parent knows it.
func (l *leaf) describe() branch { return branch{first: l.at(0), size: uint32(l.n), leaf: l} }

// small reports that it should be joined with a neighbour.
func (l *leaf) small() bool { return l.n < leafMin/2 || !l.wide && l.n < leafMin }

// packLeaves appends leaves that hold the keys; the first may be l, if it is of this epoch.
func packLeaves(out []branch, keys []key, epoch uint64, l *leaf) []branch {
	if len(keys) == 0 {
		return out
	}
	f, room, fill := frameOf(keys), leafMax, leafFill
	if f.wide {
		room, fill = wideMax, wideFill
	}
	if len(keys) > room {
		for _, share := range shares(len(keys), fill) {
			out = packLeaves(out, keys[:share], epoch, l)
			keys, l = keys[share:], nil
		}
		return out
	}
	if l == nil || l.epoch != epoch {
		l = &leaf{epoch: epoch}
	}
	l.set(f, keys)
	return append(out, l.describe())
}
