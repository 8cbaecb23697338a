package value

import (
	"cmp"
	"strings"
)

// Equal is "=" (SPARQL 1.1, sections 17.3 and 17.4.1.7). Literals whose value
// spaces we know to be disjoint are unequal; an error is left for literals
// whose datatype we do not interpret and which are not the same term.
func Equal(a, b Value) (equal, ok bool) {
	switch {
	case a.Kind == Unbound || b.Kind == Unbound:
		return false, false
	case a.IsNumeric() && b.IsNumeric():
		order, ordered := compareNumbers(a, b)
		return ordered && order == 0, true
	case !a.IsLiteral() || !b.IsLiteral():
		return a.Kind == b.Kind && a.term == b.term, true
	case a.Kind == Other || b.Kind == Other:
		same := a.Term() == b.Term()
		return same, same
	case a.Kind != b.Kind:
		return false, true
	}
	switch a.Kind {
	case String:
		return a.term.Value == b.term.Value, true
	case LangString:
		return a.term.Value == b.term.Value && strings.EqualFold(a.term.Lang, b.term.Lang), true
	case DateTime:
		return a.at.Equal(b.at), true
	}
	return a.num == b.num, true
}

// SameTerm is sameTerm (section 17.4.1.8).
func SameTerm(a, b Value) bool { return a.Term() == b.Term() }

// Compare orders numbers, strings, booleans and dateTimes as "<" does
// (section 17.3); ok is false for an error and incomparable for a NaN.
func Compare(a, b Value) (order int, incomparable, ok bool) {
	switch {
	case a.IsNumeric() && b.IsNumeric():
		order, ordered := compareNumbers(a, b)
		return order, !ordered, true
	case a.Kind != b.Kind:
		return 0, false, false
	case a.Kind == String:
		return strings.Compare(a.term.Value, b.term.Value), false, true
	case a.Kind == Boolean:
		return cmp.Compare(a.num, b.num), false, true
	case a.Kind == DateTime:
		return a.at.Compare(b.at), false, true
	}
	return 0, false, false
}

// Order is the total order of ORDER BY, MIN and MAX (section 15.1): unbound,
// blank nodes, IRIs, literals; numbers by value with NaN first, then the other
// kinds one after another, uninterpreted literals by datatype and form.
func Order(a, b Value) int {
	if a.IsNumeric() && b.IsNumeric() {
		return orderNumbers(a, b)
	}
	if a.Kind != b.Kind {
		return cmp.Compare(a.Kind, b.Kind)
	}
	if order, _, ok := Compare(a, b); ok {
		return order
	}
	return cmp.Or(
		strings.Compare(a.term.Datatype, b.term.Datatype),
		strings.Compare(a.term.Value, b.term.Value),
		strings.Compare(a.term.Lang, b.term.Lang),
	)
}

func orderNumbers(a, b Value) int {
	nan := func(v Value) bool { return v.float != v.float }
	switch {
	case nan(a) && nan(b):
		return 0
	case nan(a):
		return -1
	case nan(b):
		return 1
	}
	order, _ := compareNumbers(a, b)
	return order
}
