package base

import (
	"cmp"
	"fmt"
	"slices"
)

// ReadSet reads an array whose order does not count: the result is sorted, and
// a value that comes twice is refused. Read is called with the item's place
// entered. An empty set is nil, as if the field were absent.
func ReadSet[T cmp.Ordered](d *Decoder, v *Value, rule string, read func(*Value) T) []T {
	var values []T
	first := map[T]int{}
	for item := range d.Items(v) {
		faults := len(d.Violations)
		value := read(item)
		if len(d.Violations) > faults {
			continue
		}
		if i, ok := first[value]; ok {
			d.note("twice", rule, "", fmt.Sprintf("says the same as item %d", i), item.Line, item.Column)
			continue
		}
		first[value] = len(first)
		values = append(values, value)
	}
	slices.Sort(values)
	return values
}

// ReadList reads an array in its order. An empty list is nil.
func ReadList[T any](d *Decoder, v *Value, read func(*Value) T) []T {
	var values []T
	for item := range d.Items(v) {
		values = append(values, read(item))
	}
	return values
}

// ReadMap reads an object by its keys. Key reads a member's name, value its
// value, each with the member's place entered; two names of one key are
// refused. An empty map is nil.
func ReadMap[K comparable, V any](d *Decoder, v *Value, rule string, key func(*Member) K, value func(*Member) V) map[K]V {
	var values map[K]V
	for m := range d.Members(v) {
		if values == nil {
			values = make(map[K]V, len(v.Members))
		}
		failed := len(d.Violations)
		k := key(m)
		if _, ok := values[k]; ok && len(d.Violations) == failed {
			d.note("twice", rule, "", "this key stands for the same as another one", m.Line, m.Column)
		}
		values[k] = value(m)
	}
	return values
}
