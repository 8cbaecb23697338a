package model

import (
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

// types are the standard datatypes that there are in RDF and JSON.
var types = map[string]base.Type{
	base.XSDString: base.TypeString, base.XSDInteger: base.TypeInteger, base.XSDBoolean: base.TypeBoolean,
	base.XSDDouble: base.TypeDouble, base.XSDDateTime: base.TypeDateTime,
}

func (b *builder) readScalars() {
	for _, n := range b.subjects {
		if n.role == scalarRole {
			s := b.scalar(n)
			b.scalars[n.iri] = s
			b.scalarList = append(b.scalarList, s)
		}
	}
}

func (b *builder) scalar(n *node) *base.Scalar {
	s := &base.Scalar{
		Name: local(n.iri), IRI: n.iri, Comment: b.sentence(n, base.RDFSComment),
		Datatype: b.iri(n, nsSH+"datatype"), Unit: b.text(n, base.Meta+"unit"),
		Pattern: b.text(n, nsSH+"pattern"),
	}
	if o := b.one(n, base.Meta+"syntax"); o != nil {
		s.Syntax = b.syntaxOf(o)
	}
	switch kind := b.iri(n, nsSH+"nodeKind"); {
	case kind == nsSH+"IRI" && s.Datatype == "":
	case kind != "":
		b.add(n.place(nsSH+"nodeKind"), "scalar %s may have sh:nodeKind sh:IRI alone, without sh:datatype", b.term(n.iri))
	case s.Datatype == "":
		b.add(n.at, "scalar %s has no sh:datatype; add e.g. \"sh:datatype xsd:string\"", b.term(n.iri))
	default:
		if _, ok := types[s.Datatype]; !ok {
			b.add(n.place(nsSH+"datatype"), "sh:datatype of %s is %s; there are only xsd:string, xsd:integer, xsd:boolean, xsd:dateTime and xsd:double",
				b.term(n.iri), b.term(s.Datatype))
		}
	}
	b.scalarLimits(n, s)
	b.scalarPattern(n, s)
	b.scalarExample(n, s)
	return s
}

func (b *builder) syntaxOf(o *object) base.Syntax {
	n := b.nodes[o.Value]
	if n == nil || !n.is(base.Meta+"Syntax") {
		b.add(o.at, "%s is no pm:Syntax; take e.g. pm:ByteSyntax", b.show(*o))
		return base.PlainSyntax
	}
	return base.Syntax(b.text(n, base.Meta+"token"))
}

func (b *builder) scalarLimits(n *node, s *base.Scalar) {
	if length := b.integer(n, nsSH+"minLength"); length != nil {
		s.MinLength = int(*length)
	}
	if length := b.integer(n, nsSH+"maxLength"); length != nil {
		s.MaxLength = int(*length)
	}
	switch s.Datatype {
	case base.XSDString:
		if s.MaxLength < 1 {
			b.add(n.at, "scalar %s has no limit; add e.g. \"sh:maxLength 256\"", b.term(n.iri))
		}
		if s.MinLength > s.MaxLength && s.MaxLength > 0 {
			b.add(n.place(nsSH+"minLength"), "sh:minLength %d of %s is above its sh:maxLength %d", s.MinLength, b.term(n.iri), s.MaxLength)
		}
	case base.XSDInteger, base.XSDDouble:
		s.Min, s.Max = b.integer(n, nsSH+"minInclusive"), b.integer(n, nsSH+"maxInclusive")
		if s.Min == nil || s.Max == nil {
			b.add(n.at, "scalar %s has no limit; add e.g. \"sh:minInclusive 0 ; sh:maxInclusive 9007199254740991\"", b.term(n.iri))
		} else if *s.Min > *s.Max {
			b.add(n.place(nsSH+"minInclusive"), "sh:minInclusive %d of %s is above its sh:maxInclusive %d", *s.Min, b.term(n.iri), *s.Max)
		}
	}
	if s.Syntax != "" && s.Datatype != base.XSDInteger {
		b.add(n.place(base.Meta+"syntax"), "pm:syntax of %s is for quantities; give it \"sh:datatype xsd:integer\" or remove the syntax", b.term(n.iri))
	}
}

// scalarPattern demands a pattern that means the same everywhere.
func (b *builder) scalarPattern(n *node, s *base.Scalar) {
	if s.Pattern == "" {
		return
	}
	if why := portable(s.Pattern); why != "" {
		b.add(n.place(nsSH+"pattern"), "sh:pattern of %s %s", b.term(n.iri), why)
		s.Pattern = ""
	}
}

// portable says why an expression does not mean the same in RE2 (Go), XPath
// (SHACL) and ECMA-262 (JSON Schema), with what to write instead; "" = it does.
func portable(expression string) string {
	for _, bad := range []struct{ text, why string }{
		{"(?", "has a group with (?; look-around, flags and named groups are not portable, use plain groups"},
		{`\d`, `has \d, which means different digits elsewhere; write [0-9]`},
		{`\w`, `has \w, which means different letters elsewhere; write [A-Za-z0-9_]`},
		{`\s`, `has \s, which means different spaces elsewhere; write [ \t\n\r]`},
		{`\b`, `has \b, which XPath does not know; anchor the pattern instead`},
		{`\p`, `has \p, which ECMA-262 knows only with a flag; write the letters`},
		{"[[:", "has a class of POSIX, which is not portable; write the letters"},
	} {
		if strings.Contains(expression, bad.text) {
			return bad.why
		}
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "is no regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	}
	if !strings.HasPrefix(expression, "^") || !strings.HasSuffix(expression, "$") || tree.Op == syntax.OpAlternate {
		return `is not anchored; write "^…$", with ( ) around alternatives`
	}
	return ""
}

func (b *builder) scalarExample(n *node, s *base.Scalar) {
	o := b.one(n, base.Meta+"example")
	if o == nil {
		b.add(n.at, "scalar %s has no pm:example; add a valid value", b.term(n.iri))
		return
	}
	s.Example = o.Value
	if s.Datatype == "" {
		if o.Kind != base.IRITerm {
			b.add(o.at, "pm:example of %s must be an IRI, is %s", b.term(n.iri), b.show(*o))
		}
		return
	}
	if _, known := types[s.Datatype]; !known || s.Datatype == base.XSDString && s.MaxLength < 1 {
		return // a problem already
	}
	f := &base.Field{Type: types[s.Datatype], Min: s.Min, Max: s.Max, MinLength: s.MinLength, MaxLength: s.MaxLength}
	if why := mismatch(*o, f, s); why != "" {
		b.add(o.at, "pm:example of %s %s", b.term(n.iri), why)
	}
}

// mismatch says why a literal is no value of a field, "" when it is.
func mismatch(o object, f *base.Field, s *base.Scalar) string {
	if o.Kind != base.LiteralTerm || o.Datatype != s.Datatype {
		return fmt.Sprintf("must be of datatype %s", "xsd:"+strings.TrimPrefix(s.Datatype, base.XSD))
	}
	switch f.Type {
	case base.TypeInteger:
		i, err := strconv.ParseInt(o.Value, 10, 64)
		if err != nil || strconv.FormatInt(i, 10) != o.Value {
			return fmt.Sprintf("must be a whole number, is %q", o.Value)
		}
		if f.Min != nil && i < *f.Min || f.Max != nil && i > *f.Max {
			return fmt.Sprintf("is %d, outside of %d to %d", i, *f.Min, *f.Max)
		}
	case base.TypeDouble:
		d, err := strconv.ParseFloat(o.Value, 64)
		if err != nil || math.IsNaN(d) || f.Min != nil && d < float64(*f.Min) || f.Max != nil && d > float64(*f.Max) {
			return fmt.Sprintf("must be a number from %d to %d, is %q", *f.Min, *f.Max, o.Value)
		}
	case base.TypeBoolean:
		if o.Value != "true" && o.Value != "false" {
			return fmt.Sprintf("must be true or false, is %q", o.Value)
		}
	case base.TypeDateTime:
		if t, ok := base.ParseTime(o.Value); !ok || t.String() != o.Value {
			return fmt.Sprintf("must be a time such as 2006-01-02T15:04:05.000Z, is %q", o.Value)
		}
	case base.TypeString:
		if n := utf8.RuneCountInString(o.Value); n < f.MinLength || n > f.MaxLength {
			return fmt.Sprintf("has %d characters; allowed are %d to %d", n, f.MinLength, f.MaxLength)
		}
		if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(o.Value) {
			return fmt.Sprintf("%q does not match the pattern %s", o.Value, s.Pattern)
		}
	}
	return ""
}
