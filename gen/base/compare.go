package base

import (
	"cmp"
	"iter"
	"slices"
)

// Same reports whether two optional values are equal or both absent.
func Same[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// Sorted yields the entries of a map in the order of its keys: no output
// depends on the order of a map.
func Sorted[K cmp.Ordered, V any](m map[K]V) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		keys := make([]K, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// Count says how many of some conditions hold.
func Count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// Equal reports whether two optional objects are equal or both absent.
func Equal[T interface{ Equal(T) bool }](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return (*a).Equal(*b)
}

// Strings is a set of tokens as plain strings.
func Strings[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

// Times is a set of moments as xsd:dateTime.
func Times(values []Time) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return texts
}

// Without is a set of references without one of them.
func Without(set []Ref, target Ref) []Ref {
	if !slices.Contains(set, target) {
		return set
	}
	var rest []Ref
	for _, ref := range set {
		if ref != target {
			rest = append(rest, ref)
		}
	}
	return rest
}

// OrZero is what a pointer points to, or the zero value where it is nil.
func OrZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
