package algebra

import (
	"iter"
	"math/bits"
)

// Vars is a set of variables, by their numbers in a Names. A set is not changed
// once it is made, so sets may share what they are made of.
type Vars struct {
	low  uint64   // numbers up to 63
	high []uint64 // the others; its last word is not zero
}

// Has reports membership.
func (s Vars) Has(n int) bool {
	if n < 64 {
		return s.low>>n&1 != 0
	}
	word := n/64 - 1
	return word < len(s.high) && s.high[word]>>(n%64)&1 != 0
}

// Len is the number of members.
func (s Vars) Len() int {
	n := bits.OnesCount64(s.low)
	for _, word := range s.high {
		n += bits.OnesCount64(word)
	}
	return n
}

// Empty reports a set of nothing.
func (s Vars) Empty() bool { return s.low == 0 && len(s.high) == 0 }

// All are the members, the lowest number first.
func (s Vars) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range 1 + len(s.high) {
			word := s.low
			if i > 0 {
				word = s.high[i-1]
			}
			for ; word != 0; word &= word - 1 {
				if !yield(64*i + bits.TrailingZeros64(word)) {
					return
				}
			}
		}
	}
}

// With is the set with one more member.
func (s Vars) With(n int) Vars {
	if n < 64 {
		s.low |= 1 << n
		return s
	}
	if s.Has(n) {
		return s
	}
	word := n/64 - 1
	high := make([]uint64, max(len(s.high), word+1))
	copy(high, s.high)
	high[word] |= 1 << (n % 64)
	s.high = high
	return s
}

// Union are the members of either.
func (s Vars) Union(other Vars) Vars {
	low := s.low | other.low
	if len(s.high) < len(other.high) {
		s, other = other, s
	}
	high := s.high
	if !within(other.high, high) {
		high = make([]uint64, len(s.high))
		copy(high, s.high)
		for i, word := range other.high {
			high[i] |= word
		}
	}
	return Vars{low, high}
}

// Intersect is what both have.
func (s Vars) Intersect(other Vars) Vars {
	return Vars{s.low & other.low, masked(s.high, other.high, 0)}
}

// Minus is what s has and other has not.
func (s Vars) Minus(other Vars) Vars {
	return Vars{s.low &^ other.low, masked(s.high, other.high, ^uint64(0))}
}

// masked are words and those of a mask, each of it turned by flip.
func masked(words, mask []uint64, flip uint64) []uint64 {
	var out []uint64
	for i, word := range words {
		m := flip
		if i < len(mask) {
			m ^= mask[i]
		}
		if word &= m; word == 0 {
			continue
		}
		if out == nil {
			out = make([]uint64, len(words))
		}
		out[i] = word
	}
	for len(out) > 0 && out[len(out)-1] == 0 {
		out = out[:len(out)-1]
	}
	return out
}

// Within reports whether all members are in other.
func (s Vars) Within(other Vars) bool {
	return s.low&^other.low == 0 && within(s.high, other.high)
}

func within(a, b []uint64) bool {
	if len(a) > len(b) {
		return false
	}
	for i, word := range a {
		if word&^b[i] != 0 {
			return false
		}
	}
	return true
}

// Meets reports whether the sets have a member in common.
func (s Vars) Meets(other Vars) bool {
	if s.low&other.low != 0 {
		return true
	}
	for i := range min(len(s.high), len(other.high)) {
		if s.high[i]&other.high[i] != 0 {
			return true
		}
	}
	return false
}
