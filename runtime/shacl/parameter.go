package shacl

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// parameter is a property that makes a constraint of each of its objects.
type parameter struct {
	name         string
	once         bool // a shape has at most one value of it
	propertyOnly bool // node shapes cannot have it
	build        func(c *compiler, s *shape, id, o rdf.ID) constraint
}

// parameters are those of section 4, in its order, which is the order of
// results too.
func parameters() []parameter {
	return []parameter{
		{"class", false, false, term("class", func(t int, iri string) constraint { return &class{t, iri} })},
		{"datatype", true, false, term("datatype", func(_ int, iri string) constraint { return &datatype{iri} })},
		{"nodeKind", true, false, buildNodeKind},
		{"minCount", true, true, number("minCount", func(n int) constraint { return &minCount{n} })},
		{"maxCount", true, true, number("maxCount", func(n int) constraint { return &maxCount{n} })},
		{"minExclusive", true, false, bound("minExclusive", "MinExclusive", "more than", func(order int) bool { return order > 0 })},
		{"minInclusive", true, false, bound("minInclusive", "MinInclusive", "at least", func(order int) bool { return order >= 0 })},
		{"maxExclusive", true, false, bound("maxExclusive", "MaxExclusive", "less than", func(order int) bool { return order < 0 })},
		{"maxInclusive", true, false, bound("maxInclusive", "MaxInclusive", "at most", func(order int) bool { return order <= 0 })},
		{"minLength", true, false, number("minLength", func(n int) constraint {
			return &length{"MinLength", "at least", n, func(is, n int) bool { return is >= n }}
		})},
		{"maxLength", true, false, number("maxLength", func(n int) constraint {
			return &length{"MaxLength", "at most", n, func(is, n int) bool { return is <= n }}
		})},
		{"pattern", true, false, buildPattern},
		{"languageIn", true, false, buildLanguageIn},
		{"uniqueLang", true, true, buildUniqueLang},
		{"equals", false, false, term("equals", func(t int, iri string) constraint { return &equals{t, iri} })},
		{"disjoint", false, false, term("disjoint", func(t int, iri string) constraint { return &disjoint{t, iri} })},
		{"lessThan", false, true, term("lessThan", func(t int, iri string) constraint { return &less{"LessThan", "less than", t, iri, -1} })},
		{"lessThanOrEquals", false, true, term("lessThanOrEquals", func(t int, iri string) constraint { return &less{"LessThanOrEquals", "at most", t, iri, 0} })},
		{"not", false, false, refer("not", func(s *shape) constraint { return &not{s} })},
		{"and", false, false, among("and", func(all []*shape) constraint { return &and{all} })},
		{"or", false, false, among("or", func(all []*shape) constraint { return &or{all} })},
		{"xone", false, false, among("xone", func(all []*shape) constraint { return &xone{all} })},
		{"node", false, false, refer("node", func(s *shape) constraint { return &node{s} })},
		{"property", false, false, buildProperty},
		{"qualifiedMinCount", true, false, buildQualified("qualifiedMinCount", false)},
		{"qualifiedMaxCount", true, false, buildQualified("qualifiedMaxCount", true)},
		{"closed", true, false, buildClosed},
		{"hasValue", false, false, func(c *compiler, _ *shape, _, o rdf.ID) constraint {
			return &hasValue{c.term(c.termOf(o)), c.termOf(o)}
		}},
		{"in", true, false, buildIn},
		// What only goes with another, and is read there.
		{"flags", true, false, silent}, {"ignoredProperties", true, false, silent},
		{"qualifiedValueShape", true, false, silent}, {"qualifiedValueShapesDisjoint", true, false, silent},
	}
}

func isParameter(local string) bool {
	return slices.ContainsFunc(parameters(), func(p parameter) bool { return p.name == local })
}

func silent(*compiler, *shape, rdf.ID, rdf.ID) constraint { return nil }

func term(name string, make func(int, string) constraint) func(*compiler, *shape, rdf.ID, rdf.ID) constraint {
	return func(c *compiler, _ *shape, id, o rdf.ID) constraint {
		t, ok := c.iri(id, name, o)
		if !ok {
			return nil
		}
		return make(t, c.termOf(o).Value)
	}
}

func number(name string, make func(int) constraint) func(*compiler, *shape, rdf.ID, rdf.ID) constraint {
	return func(c *compiler, _ *shape, id, o rdf.ID) constraint {
		n, ok := c.count(id, name, o)
		if !ok {
			return nil
		}
		return make(n)
	}
}

// count reads an xsd:integer; what is beyond 2^31 counts as that, which is more
// than there can be.
func (c *compiler) count(id rdf.ID, name string, o rdf.ID) (int, bool) {
	const most = 1<<31 - 1
	v := value.Of(c.termOf(o))
	if v.Kind != value.Integer {
		c.problem(id, sh+name, o, "sh:%s is %s; write a whole number, without quotes", name, c.show(o))
		return 0, false
	}
	for _, limit := range []int64{most, -most} {
		if order, _, _ := value.Compare(v, value.Int(limit)); order != 0 && (order > 0) == (limit > 0) {
			return int(limit), true
		}
	}
	var n int
	for i, digit := range strings.TrimLeft(strings.TrimSpace(c.termOf(o).Value), "+-") {
		if n = n*10 + int(digit-'0'); i > 4096 {
			break // zeros: the number is small
		}
	}
	if order, _, _ := value.Compare(v, value.Int(0)); order < 0 {
		n = -n
	}
	return n, true
}

func bound(name, component, words string, holds func(int) bool) func(*compiler, *shape, rdf.ID, rdf.ID) constraint {
	return func(c *compiler, _ *shape, id, o rdf.ID) constraint {
		t := c.termOf(o)
		if t.Kind != base.LiteralTerm {
			c.problem(id, sh+name, o, "sh:%s is %s; write a literal to compare with", name, c.show(o))
			return nil
		}
		return &bounded{component, words, operandOf(t), holds}
	}
}

func buildNodeKind(c *compiler, _ *shape, id, o rdf.ID) constraint {
	kinds := map[string][]base.TermKind{
		"BlankNode": {base.BlankTerm}, "IRI": {base.IRITerm}, "Literal": {base.LiteralTerm},
		"BlankNodeOrIRI": {base.BlankTerm, base.IRITerm}, "BlankNodeOrLiteral": {base.BlankTerm, base.LiteralTerm}, "IRIOrLiteral": {base.IRITerm, base.LiteralTerm},
	}
	local := strings.TrimPrefix(c.termOf(o).Value, sh)
	if kinds[local] == nil {
		c.problem(id, sh+"nodeKind", o, "sh:nodeKind is %s; write sh:IRI, sh:BlankNode, sh:Literal, sh:BlankNodeOrIRI, sh:BlankNodeOrLiteral or sh:IRIOrLiteral", c.show(o))
		return nil
	}
	return &nodeKind{local, kinds[local]}
}

func buildPattern(c *compiler, _ *shape, id, o rdf.ID) constraint {
	flags := ""
	if f, ok := c.single(id, "flags"); ok {
		flags = c.termOf(f).Value
	}
	t := c.termOf(o)
	if t.Kind != base.LiteralTerm {
		c.problem(id, sh+"pattern", o, "sh:pattern is %s; write a regular expression in quotes", c.show(o))
		return nil
	}
	key := [2]string{t.Value, flags}
	if c.weight > maxWeight {
		return nil // it was told, and compiling more would take as long as the text is
	}
	if c.patterns[key] == nil {
		re, err := value.CompileRegex(t.Value, flags)
		if err == nil {
			c.weight += weight(re)
		}
		if c.weight > maxWeight {
			err = fmt.Errorf("the regular expressions of the shapes compile to more than %d instructions together; use fewer or smaller repetitions", maxWeight)
		}
		if err != nil {
			c.problem(id, sh+"pattern", o, "the sh:pattern %s is not to be had: %s", c.show(o), regexFault(err))
			return nil
		}
		c.patterns[key] = re
	}
	return &pattern{t.Value, c.patterns[key]}
}

// regexFault says what in a pattern is wrong, or not to be had here.
func regexFault(err error) string {
	var wrong *syntax.Error
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	if wrong.Code == syntax.ErrInvalidPerlOp || wrong.Code == syntax.ErrInvalidEscape {
		return "it uses " + wrong.Expr + ", which RE2 does not have; RE2 has no back references and no look-around, so that each pattern runs in linear time. Say it without"
	}
	return fmt.Sprintf("%s: %s", wrong.Code, wrong.Expr)
}

// weight is the number of instructions of a regular expression, of about a
// hundred bytes each.
func weight(re *regexp.Regexp) int {
	parsed, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return maxWeight // it was parsed before
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return maxWeight
	}
	return len(program.Inst)
}

func buildLanguageIn(c *compiler, _ *shape, id, o rdf.ID) constraint {
	members, ok := c.list(id, "languageIn", o)
	k := &languageIn{}
	for _, m := range members {
		t := c.termOf(m)
		if t.Datatype != base.XSDString {
			c.problem(id, sh+"languageIn", o, "sh:languageIn has %s; write language tags such as \"en\"", c.show(m))
			return nil
		}
		k.tags = append(k.tags, t.Value)
	}
	if !ok {
		return nil
	}
	return k
}

func buildUniqueLang(c *compiler, _ *shape, id, _ rdf.ID) constraint {
	if !c.boolean(id, "uniqueLang") {
		return nil
	}
	return uniqueLang{}
}

func refer(name string, make func(*shape) constraint) func(*compiler, *shape, rdf.ID, rdf.ID) constraint {
	return func(c *compiler, s *shape, id, o rdf.ID) constraint { return make(c.refer(s, id, name, o, o)) }
}

func among(name string, make func([]*shape) constraint) func(*compiler, *shape, rdf.ID, rdf.ID) constraint {
	return func(c *compiler, s *shape, id, o rdf.ID) constraint {
		members, ok := c.list(id, name, o)
		if !ok {
			return nil
		}
		all := []*shape{}
		for _, m := range members {
			all = append(all, c.refer(s, id, name, o, m))
		}
		return make(all)
	}
}

func buildProperty(c *compiler, s *shape, id, o rdf.ID) constraint {
	if len(c.objects(o, sh+"path")) == 0 {
		c.problem(id, sh+"property", o, "%s is the value of sh:property and has no sh:path; add one", c.show(o))
		return nil
	}
	other := c.refer(s, id, "property", o, o)
	s.properties = append(s.properties, other)
	return &property{other}
}

func buildQualified(name string, most bool) func(*compiler, *shape, rdf.ID, rdf.ID) constraint {
	return func(c *compiler, s *shape, id, o rdf.ID) constraint {
		n, ok := c.count(id, name, o)
		of, qualifies := c.single(id, "qualifiedValueShape")
		if ok && !qualifies {
			c.notice(id, sh+name, o, "sh:%s has no sh:qualifiedValueShape beside it and does nothing; say which values it counts", name)
		}
		if !ok || !qualifies {
			return nil
		}
		k := &qualified{owner: s, shape: c.refer(s, id, "qualifiedValueShape", of, of), count: n, most: most}
		s.qualified = k.shape
		if c.boolean(id, "qualifiedValueShapesDisjoint") {
			c.disjoint = append(c.disjoint, k)
		}
		return k
	}
}

func buildClosed(c *compiler, s *shape, id, _ rdf.ID) constraint {
	if !c.boolean(id, "closed") {
		return nil
	}
	k := &closed{owner: s}
	if head, ok := c.single(id, "ignoredProperties"); ok {
		members, _ := c.list(id, "ignoredProperties", head)
		for _, m := range members {
			if t, ok := c.iri(id, "ignoredProperties", m); ok {
				k.ignored = append(k.ignored, t)
			}
		}
	}
	return k
}

func buildIn(c *compiler, _ *shape, id, o rdf.ID) constraint {
	members, ok := c.list(id, "in", o)
	if !ok {
		return nil
	}
	k := &in{}
	for _, m := range members {
		k.terms = append(k.terms, c.term(c.termOf(m)))
		k.members = append(k.members, c.termOf(m))
	}
	return k
}
