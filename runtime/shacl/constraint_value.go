package shacl

import (
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// each judges the value nodes one by one.
func (c *check) each(k constraint, holds func(base.Term) bool) {
	for _, v := range c.values {
		if !c.tick() || !holds(c.term(v)) && !c.fail(k, v) {
			return
		}
	}
}

// class is sh:class (section 4.1.1).
type class struct {
	term int
	iri  string
}

func (k *class) component() string { return "Class" }
func (k *class) check(c *check) {
	for _, v := range c.values {
		if !c.isA(v, c.ids[k.term]) && !c.fail(k, v) {
			return
		}
	}
}

// datatype is sh:datatype (section 4.1.2).
type datatype struct{ iri string }

func (k *datatype) component() string { return "Datatype" }
func (k *datatype) check(c *check) {
	c.each(k, func(t base.Term) bool { return t.Kind == base.LiteralTerm && t.Datatype == k.iri && wellFormed(t) })
}

// nodeKind is sh:nodeKind (section 4.1.3).
type nodeKind struct {
	name  string
	kinds []base.TermKind
}

func (k *nodeKind) component() string { return "NodeKind" }
func (k *nodeKind) check(c *check) {
	c.each(k, func(t base.Term) bool { return slices.Contains(k.kinds, t.Kind) })
}

// minCount and maxCount count value nodes (section 4.2).
type (
	minCount struct{ n int }
	maxCount struct{ n int }
)

func (k *minCount) component() string { return "MinCount" }
func (k *minCount) check(c *check) {
	if len(c.values) < k.n {
		c.fail(k, rdf.Any)
	}
}

func (k *maxCount) component() string { return "MaxCount" }
func (k *maxCount) check(c *check) {
	if len(c.values) > k.n {
		c.fail(k, rdf.Any)
	}
}

// bounded is one of the four of section 4.3: the value must compare.
type bounded struct {
	name, words string
	limit       operand
	holds       func(order int) bool
}

func (k *bounded) component() string { return k.name }
func (k *bounded) check(c *check) {
	c.each(k, func(t base.Term) bool {
		order, ok := operandOf(t).compare(k.limit)
		return ok && k.holds(order)
	})
}

// length is sh:minLength or sh:maxLength, in characters (sections 4.4.1, 4.4.2).
type length struct {
	name, words string
	n           int
	holds       func(is, n int) bool
}

func (k *length) component() string { return k.name }
func (k *length) check(c *check) {
	c.each(k, func(t base.Term) bool {
		return t.Kind != base.BlankTerm && k.holds(utf8.RuneCountInString(t.Value), k.n)
	})
}

// pattern is sh:pattern with sh:flags (section 4.4.3).
type pattern struct {
	text string
	re   *regexp.Regexp
}

func (k *pattern) component() string { return "Pattern" }
func (k *pattern) check(c *check) {
	c.each(k, func(t base.Term) bool { return t.Kind != base.BlankTerm && c.matches(k.re, t.Value) })
}

// maxUnread is the length of a text, in bytes, that is matched without a look
// at the clock. RE2 takes time in proportion to the text and to the pattern,
// which for the largest of both is minutes.
const maxUnread = 2048

func (r *run) matches(re *regexp.Regexp, text string) bool {
	if len(text) <= maxUnread {
		return re.MatchString(text)
	}
	found := re.MatchReader(&watchedReader{run: r, in: strings.NewReader(text)})
	return found && r.err == nil
}

// watchedReader ends when the context does, as if the text ended there.
type watchedReader struct {
	run  *run
	in   *strings.Reader
	read uint
}

func (w *watchedReader) ReadRune() (rune, int, error) {
	if w.read++; w.read%64 == 0 && w.run.ctx.Err() != nil {
		w.run.err = context.Cause(w.run.ctx)
		return 0, 0, io.EOF
	}
	return w.in.ReadRune()
}

// languageIn is sh:languageIn (section 4.4.4): basic filtering of RFC 4647.
type languageIn struct{ tags []string }

func (k *languageIn) component() string { return "LanguageIn" }
func (k *languageIn) check(c *check) {
	c.each(k, func(t base.Term) bool {
		return slices.ContainsFunc(k.tags, func(tag string) bool { return languageMatches(t.Lang, tag) })
	})
}

func languageMatches(language, tag string) bool {
	if tag == "*" || language == "" {
		return language != ""
	}
	return len(language) >= len(tag) && strings.EqualFold(language[:len(tag)], tag) && (len(language) == len(tag) || language[len(tag)] == '-')
}

// uniqueLang is sh:uniqueLang (section 4.4.5).
type uniqueLang struct{}

func (k uniqueLang) component() string { return "UniqueLang" }
func (k uniqueLang) check(c *check) {
	used := map[string]int{}
	for _, v := range c.values {
		language := strings.ToLower(c.term(v).Lang)
		if !c.tick() {
			return
		}
		if used[language]++; language != "" && used[language] == 2 && !c.failAt(k, rdf.Any, rdf.Any, language) {
			return
		}
	}
}

// hasValue is sh:hasValue (section 4.8.2).
type hasValue struct {
	term  int
	value base.Term
}

func (k *hasValue) component() string { return "HasValue" }
func (k *hasValue) check(c *check) {
	if !c.holdsValue(c.ids[k.term]) {
		c.fail(k, rdf.Any)
	}
}

// holdsValue looks for a value node; they are in order.
func (c *check) holdsValue(id rdf.ID) bool {
	_, found := slices.BinarySearch(c.values, id)
	return found
}

// in is sh:in (section 4.8.3).
type in struct {
	terms   []int
	members []base.Term
}

func (k *in) component() string { return "In" }
func (k *in) check(c *check) {
	set := c.set(k, k.terms)
	for _, v := range c.values {
		if !c.tick() || !set.Contains(uint32(v)) && !c.fail(k, v) {
			return
		}
	}
}
