package base

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// field reads the values of one property of a node.
func (r *graphReader) field(f *Field, node Term, quads []Placed) *Value {
	place := quads[0].Object
	v := &Value{Line: place.Line, Column: place.Column}
	switch f.Form {
	case List:
		v.Kind = ArrayValue
		r.single(f, quads)
		r.list(v, f, node, quads[0])
	case Set:
		v.Kind = ArrayValue
		r.set(v, f, quads)
	case Map:
		v.Kind = ObjectValue
		seen := map[string]bool{}
		for _, q := range quads {
			if m := r.entry(f, node, q, seen); m != nil {
				v.Members = append(v.Members, m)
			}
		}
		slices.SortStableFunc(v.Members, func(a, b *Member) int { return cmp.Compare(a.Name, b.Name) })
	default:
		r.single(f, quads)
		if f.Type == TypeObject {
			return r.nested(f, node, quads[0])
		}
		return r.scalar(f, quads[0])
	}
	return v
}

func (r *graphReader) single(f *Field, quads []Placed) {
	for _, q := range quads[1:] {
		r.note(q.Object, "twice", f.Shape, "one value", f.Name+" has more than one value")
		r.reach(q.O)
	}
}

func (r *graphReader) set(v *Value, f *Field, quads []Placed) {
	for _, q := range quads {
		if item := r.scalar(f, q); item != nil {
			v.Items = append(v.Items, item)
		}
	}
	slices.SortStableFunc(v.Items, func(a, b *Value) int { return cmp.Compare(a.Text, b.Text) })
}

// nested reads the value object of a single field.
func (r *graphReader) nested(f *Field, node Term, q Placed) *Value {
	if !r.isNode(f, q) || !r.use(q.O, q.Object) {
		return nil
	}
	r.mustBe(f, q, r.fragment(node, f.Name))
	return r.object(r.model.Class(f.Object), q.O, "", q.Object)
}

// entry reads one value object of a map; seen are the keys it has already.
func (r *graphReader) entry(f *Field, node Term, q Placed, seen map[string]bool) *Member {
	if !r.isNode(f, q) || !r.use(q.O, q.Object) {
		return nil
	}
	class := r.model.Class(f.Object)
	key := r.key(f, class, q.O)
	if key == "" {
		r.note(q.Object, "missing", class.Field(f.Key).Shape, f.Key, fmt.Sprintf("%s: the key %s is missing", f.Name, f.Key))
	} else {
		r.mustBe(f, q, r.fragment(node, f.Name, key))
	}
	if seen[key] && key != "" {
		r.note(q.Object, "twice", f.Shape, "one value", fmt.Sprintf("%s has two values for the key %q", f.Name, shorten(key)))
	}
	seen[key] = true
	r.check.Enter(key)
	defer r.check.Leave()
	value := r.object(class, q.O, f.Key, q.Object)
	if f.Value != "" {
		if value = value.Get(f.Value); value == nil {
			r.note(q.Object, "missing", class.Field(f.Value).Shape, f.Value, fmt.Sprintf("%s: %s is missing", key, f.Value))
			return nil
		}
	}
	return &Member{Name: key, Line: q.Object.Line, Column: q.Object.Column, Value: value}
}

// list follows the cells of an rdf:List (RDF Schema 1.1, section 5.2).
func (r *graphReader) list(v *Value, f *Field, node Term, q Placed) {
	cell, place := q.O, q.Object
	for i := 0; cell != IRI(RDFNil); i++ {
		if cell.Kind == LiteralTerm {
			r.note(place, "list", f.Shape, `( "a" "b" )`, f.Name+` is a list; write ( "a" "b" )`)
			return
		}
		if !r.use(cell, place) {
			return
		}
		r.mustBe(f, Placed{Quad: Quad{O: cell}, Object: place}, r.fragment(node, f.Name, strconv.Itoa(i)))
		first, rest := r.cell(f, cell, i)
		if first == nil || rest == nil {
			r.note(place, "list", f.Shape, "rdf:first and rdf:rest", fmt.Sprintf("%s/%d: a list cell has one rdf:first and one rdf:rest", f.Name, i))
			return
		}
		r.check.Enter(strconv.Itoa(i))
		if item := r.scalar(f, *first); item != nil {
			v.Items = append(v.Items, item)
		}
		r.check.Leave()
		cell, place = rest.O, rest.Object
	}
}

// cell finds the item and the tail of a list cell; nil if there is not
// exactly one.
func (r *graphReader) cell(f *Field, cell Term, i int) (first, rest *Placed) {
	quads := r.about[cell]
	firsts, rests := 0, 0
	for j := range quads {
		q := &quads[j]
		switch {
		case q.P.Value == RDFFirst:
			first = q
			firsts++
		case q.P.Value == RDFRest:
			rest = q
			rests++
		case q.P.Value == Meta+"index" && q.O == Integer(int64(i)):
		case q.P.Value == RDFType && q.O == IRI(RDF+"List"):
		case q.P.Value == Meta+"index":
			r.note(q.Object, "list", f.Shape, strconv.Itoa(i), fmt.Sprintf("%s: this cell has the index %d, not %s", f.Name, i, compact(q.O)))
		default:
			r.note(q.Predicate, "unknown", f.Shape, "rdf:first, rdf:rest, pm:index", "a list cell has no property "+compact(q.P))
		}
	}
	if firsts != 1 || rests != 1 {
		return nil, nil
	}
	return first, rest
}

// fragment is the IRI of a node below another. Below a blank node nothing is
// demanded: which fragment is meant follows from the way that led there.
func (r *graphReader) fragment(node Term, steps ...string) Term {
	if node.Kind == BlankTerm {
		return Term{}
	}
	return Fragment(node, steps...)
}

func (r *graphReader) isNode(f *Field, q Placed) bool {
	if q.O.Kind == LiteralTerm {
		r.note(q.Object, "type", f.Shape, "a node", fmt.Sprintf("%s: expected a node with properties, found the text %s", f.Name, compact(q.O)))
		return false
	}
	return true
}

// mustBe demands that a node with an IRI has the one that its place gives.
func (r *graphReader) mustBe(f *Field, q Placed, want Term) {
	if q.O.Kind != IRITerm || q.O == want {
		return
	}
	expected := "a blank node"
	if !want.IsZero() {
		expected = r.show(want) + " or a blank node"
	}
	r.note(q.Object, "fragment", f.Shape, expected, fmt.Sprintf("%s: expected %s, found %s", f.Name, expected, r.show(q.O)))
}

// scalar reads one simple value or reference.
func (r *graphReader) scalar(f *Field, q Placed) *Value {
	v := &Value{Kind: StringValue, Text: q.O.Value, Line: q.Object.Line, Column: q.Object.Column}
	switch f.Type {
	case TypeEnum:
		return r.token(f, q, v)
	case TypeRef:
		if q.O.Kind != IRITerm {
			r.mistyped(f, q, "the IRI of a resource")
			return nil
		}
		return v
	}
	scalar := r.model.Scalar(f.Scalar)
	if f.Type == TypeString && scalar != nil && scalar.Datatype == "" { // an IRI that is no reference
		if q.O.Kind != IRITerm {
			r.mistyped(f, q, "an IRI")
			return nil
		}
		return v
	}
	datatype := [...]string{TypeString: XSDString, TypeInteger: XSDInteger, TypeBoolean: XSDBoolean, TypeDouble: XSDDouble, TypeDateTime: XSDDateTime}[f.Type]
	if q.O.Kind != LiteralTerm || q.O.Datatype != datatype {
		r.mistyped(f, q, compact(IRI(datatype)))
		return nil
	}
	if !lexical(v, f.Type) {
		r.note(q.Object, "type", f.Shape, compact(IRI(datatype)), fmt.Sprintf("%s: %s is no %s", f.Name, compact(q.O), compact(IRI(datatype))))
		return nil
	}
	return v
}

func (r *graphReader) mistyped(f *Field, q Placed, expected string) {
	found := compact(q.O)
	switch {
	case q.O.Lang != "":
		found += "@" + q.O.Lang
	case q.O.Kind == LiteralTerm:
		found += "^^" + compact(IRI(q.O.Datatype))
	}
	r.note(q.Object, "type", f.Shape, expected, fmt.Sprintf("%s: expected %s, found %s", f.Name, expected, found))
	r.reach(q.O)
}

func (r *graphReader) token(f *Field, q Placed, v *Value) *Value {
	enum := r.model.Enum(f.Enum)
	names := make([]string, len(enum.Tokens))
	for i, t := range enum.Tokens {
		if q.O == IRI(t.IRI) {
			v.Text = t.Token
			return v
		}
		names[i] = compact(IRI(t.IRI))
	}
	message := fmt.Sprintf("%s: %s is not one of %s", f.Name, compact(q.O), strings.Join(names, ", "))
	if near := Nearest(compact(q.O), names); near != "" {
		message += "; did you mean " + near + "?"
	}
	r.note(q.Object, "token", f.Shape, strings.Join(names, ", "), message)
	return nil
}

// lexical turns the lexical form of a literal (XML Schema 1.1 part 2, section
// 3) into what JSON writes, and reports whether it is one.
func lexical(v *Value, typ Type) bool {
	switch typ {
	case TypeInteger:
		v.Kind = NumberValue
		sign, digits := "", strings.TrimPrefix(v.Text, "+")
		if digits == v.Text && strings.HasPrefix(v.Text, "-") {
			sign, digits = "-", v.Text[1:]
		}
		if !isDigits(digits) {
			return false
		}
		if digits = strings.TrimLeft(digits, "0"); digits == "" {
			sign, digits = "", "0"
		}
		v.Text = sign + digits
	case TypeBoolean:
		v.Kind = BoolValue
		v.Bool = v.Text == "true" || v.Text == "1"
		ok := v.Bool || v.Text == "false" || v.Text == "0"
		v.Text = ""
		return ok
	case TypeDouble:
		v.Kind = NumberValue
		f, err := strconv.ParseFloat(v.Text, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) || strings.ContainsAny(v.Text, "xXpP_") {
			return false
		}
		v.Text = strconv.FormatFloat(f, 'g', -1, 64)
	}
	return true
}
