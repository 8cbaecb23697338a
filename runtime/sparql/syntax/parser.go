package syntax

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Options of parsing.
type Options struct {
	// Base is the IRI that relative IRIs are resolved against, as far as the
	// text has no BASE of its own.
	Base string
	// MaxBytes bounds the text, MaxDepth the nesting of groups, expressions
	// and paths together, MaxNodes the size of the tree. Zero means the
	// default: 1 MiB, 200, 10,000. The values of VALUES and the quads of INSERT
	// DATA and DELETE DATA do not count.
	MaxBytes, MaxDepth, MaxNodes int
	// MaxVars bounds the variables, among them the blank nodes of patterns;
	// default 500. The time to plan grows with their square.
	MaxVars int
	// MaxData bounds the quads of INSERT DATA and DELETE DATA; default 100,000.
	MaxData int
}

func (o Options) withDefaults() Options {
	o.MaxBytes = orDefault(o.MaxBytes, 1<<20)
	o.MaxDepth = orDefault(o.MaxDepth, 200)
	o.MaxNodes = orDefault(o.MaxNodes, 10_000)
	o.MaxVars = orDefault(o.MaxVars, 500)
	o.MaxData = orDefault(o.MaxData, 100_000)
	return o
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// parser looks one token ahead. The first error sticks, and from then on every
// token is the end of the text: each loop ends by itself and no result needs a
// check.
type parser struct {
	Options
	text string
	lex  *lex.Lexer
	// window are the tokens around number at, of which lexed have been read: the
	// one before it may be given back.
	window    [4]lex.Token
	at, lexed int
	err       *Error
	end       lex.Token // which follows an error
	base      string
	prefixes  map[string]string

	depth, nodes int
	// vars are the names of variables met so far.
	vars scope
	// given counts the quads of INSERT DATA and DELETE DATA.
	given int
	// anonymous counts the blank nodes without a label.
	anonymous int
	// labels says in which basic graph pattern a blank node label stands;
	// pattern is the number of the present one.
	labels  map[string]int
	pattern int
	// template is set inside a CONSTRUCT template, where blank nodes are terms.
	template bool
	// inData is set inside INSERT DATA and DELETE DATA.
	inData bool
	// aggregatesAllowed is set in SELECT, HAVING and ORDER BY, inAggregate
	// inside an aggregate's argument.
	aggregatesAllowed, inAggregate bool
}

// Parse reads a query.
func Parse(text string, o Options) (*Query, error) {
	p := &parser{Options: o.withDefaults(), text: text, base: o.Base,
		prefixes: map[string]string{}}
	p.begin()
	q := p.query()
	if p.err != nil {
		return nil, p.err
	}
	return q, nil
}

// begin checks the text as a whole.
func (p *parser) begin() {
	switch {
	case len(p.text) > p.MaxBytes:
		p.failAt(lex.Pos{Line: 1, Col: 1}, "", "the query has %d bytes; at most %d are allowed", len(p.text), p.MaxBytes)
	case !utf8.ValidString(p.text):
		p.failAt(lex.Pos{Line: 1, Col: 1}, "", "the query is not valid UTF-8")
	default:
		p.lex = lex.NewString(p.text, lex.SPARQL, lex.Limits{})
	}
}

func (p *parser) lexicalError(err error) {
	var lexical *lex.Error
	if errors.As(err, &lexical) {
		p.failAt(lexical.Pos, "", "%s", lexical.Msg)
	} else if !errors.Is(err, io.EOF) {
		p.failAt(lex.Pos{Line: 1, Col: 1}, "", "%v", err)
	}
}

func (p *parser) failAt(pos lex.Pos, expected, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Pos: pos, Message: fmt.Sprintf(format, args...), Expected: expected, Excerpt: excerpt(p.text, pos)}
	}
}

// fail refuses what stands at the present token.
func (p *parser) fail(format string, args ...any) {
	p.failAt(p.peek().Pos, "", format, args...)
}

// expected refuses the present token and says what should stand there.
func (p *parser) expected(what string) {
	hint := ""
	if p.peek().Is("<") { // what begins like an IRI and is none
		hint = `; is it an IRI? then what stands in <…> is without spaces, quotes and braces`
	}
	p.failAt(p.peek().Pos, what, "expected %s, found %s%s", what, p.peek(), hint)
}

// peek is the present token. It stays what it is until two more have been passed.
func (p *parser) peek() *lex.Token { return p.peekAt(0) }

// peekAt is the present token or the one after it.
func (p *parser) peekAt(n int) *lex.Token {
	for p.err == nil && p.lexed <= p.at+n {
		token, err := p.lex.Next()
		if err != nil {
			p.lexicalError(err)
		}
		p.window[p.lexed%len(p.window)] = token
		p.lexed++
	}
	if p.err != nil {
		return &p.end
	}
	return &p.window[(p.at+n)%len(p.window)]
}

func (p *parser) next() lex.Token {
	t := *p.peek()
	p.at++
	return t
}

// accept takes a punctuation sign if it stands here.
func (p *parser) accept(punct string) bool {
	if p.peek().Is(punct) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(punct string) {
	if !p.accept(punct) {
		p.expected(fmt.Sprintf("%q", punct))
	}
}

func isKeyword(t *lex.Token, word string) bool {
	return t.Kind == lex.Word && strings.EqualFold(t.Text, word)
}

func (p *parser) isWord(words ...string) bool {
	for _, w := range words {
		if isKeyword(p.peek(), w) {
			return true
		}
	}
	return false
}

// word takes a keyword if it stands here.
func (p *parser) word(w string) bool {
	if p.isWord(w) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expectWord(w string) {
	if !p.word(w) {
		p.expected(w)
	}
}

// enter bounds the nesting; each call is undone by leave.
func (p *parser) enter() {
	if p.depth++; p.depth > p.MaxDepth {
		p.fail("the query is nested deeper than %d levels", p.MaxDepth)
	}
}

func (p *parser) leave() { p.depth-- }

// count bounds the size of the tree.
func (p *parser) count() {
	if p.inData {
		if p.given++; p.given > p.MaxData {
			p.fail("the update has more than %d quads of data; divide it, or send the data to the graph store", p.MaxData)
		}
		return
	}
	if p.nodes++; p.nodes > p.MaxNodes {
		p.fail("the query has more than %d parts", p.MaxNodes)
	}
}

// prologue reads BASE and PREFIX declarations.
func (p *parser) prologue() {
	for {
		switch {
		case p.word("BASE"):
			p.base = p.iriRef()
		case p.word("PREFIX"):
			t := p.next()
			if t.Kind != lex.PName || t.Text != "" {
				p.at--
				p.expected("a prefix such as ex:")
			}
			p.prefixes[t.Prefix] = p.iriRef()
		default:
			return
		}
	}
}

func (p *parser) iriRef() string {
	t := p.next()
	if t.Kind != lex.IRIRef {
		p.at--
		p.expected("an IRI such as <https://example.org/>")
		return ""
	}
	return p.resolve(t)
}

func (p *parser) resolve(t lex.Token) string {
	iri, err := rdf.ResolveIRI(p.base, t.Text)
	if err != nil {
		p.failAt(t.Pos, "", "%v", err)
	}
	return iri
}

func (p *parser) isIRI() bool {
	k := p.peek().Kind
	return k == lex.IRIRef || k == lex.PName
}

// iri reads an IRI or a prefixed name.
func (p *parser) iri() base.Term {
	t := p.next()
	switch t.Kind {
	case lex.IRIRef:
		return base.IRI(p.resolve(t))
	case lex.PName:
		ns, ok := p.prefixes[t.Prefix]
		if !ok {
			p.failAt(t.Pos, "", "%s", undeclared(t.Prefix))
		}
		return base.IRI(ns + t.Text)
	}
	p.at--
	p.expected("an IRI")
	return base.Term{}
}

// literal reads an RDF literal, a number or a boolean.
func (p *parser) literal() (base.Term, bool) {
	t := *p.peek()
	switch t.Kind {
	case lex.Integer, lex.Decimal, lex.Double:
		p.at++
		return number(t), true
	case lex.String:
		p.at++
		return p.stringLiteral(t), true
	case lex.Word:
		// RDF spells booleans in small letters; SPARQL's keywords are matched
		// without regard to case.
		if p.isWord("true", "false") {
			p.at++
			return base.Typed(strings.ToLower(t.Text), base.XSDBoolean), true
		}
	}
	return base.Term{}, false
}

func number(t lex.Token) base.Term {
	switch t.Kind {
	case lex.Integer:
		return base.Typed(t.Text, base.XSDInteger)
	case lex.Decimal:
		return base.Typed(t.Text, base.XSDDecimal)
	}
	return base.Typed(t.Text, base.XSDDouble)
}

func (p *parser) stringLiteral(t lex.Token) base.Term {
	if tag := p.peek(); tag.Kind == lex.LangTag {
		p.at++
		return base.LangString(t.Text, tag.Text)
	}
	if p.accept("^^") {
		return base.Typed(t.Text, p.iri().Value)
	}
	return base.String(t.Text)
}

// variable reads a variable's name.
func (p *parser) variable() string {
	if t := *p.peek(); t.Kind == lex.Var {
		p.at++
		p.named(t.Text)
		return t.Text
	}
	p.expected("a variable such as ?x")
	return ""
}

// named bounds the variables.
func (p *parser) named(variable string) {
	if p.vars.add(variable); len(p.vars.order) > p.MaxVars {
		p.fail("the query names more than %d variables and blank nodes", p.MaxVars)
	}
}

func (p *parser) isVar() bool { return p.peek().Kind == lex.Var }

// varOrIRI reads VarOrIri.
func (p *parser) varOrIRI() Node {
	if p.isVar() {
		return Node{Var: p.variable()}
	}
	if !p.isIRI() {
		p.expected("a variable or an IRI")
		return Node{}
	}
	return Node{Term: p.iri()}
}
