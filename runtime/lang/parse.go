package lang

import (
	"fmt"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

const (
	sizeMax  = 1 << 20 // bytes of a file
	depthMax = 32      // lists and objects inside each other
)

// File is a parsed .picloud file.
type File struct {
	Name         string
	Declarations []*Declaration

	read   func(name string, limit int64) ([]byte, error) // of the file's own folder
	broken bool                                           // in its form, so that things may only seem to be missing
}

// Declaration is one "kind 'name' = { … }".
type Declaration struct {
	Kind, Name           string
	Body                 *Node // an object
	Line, Column         int   // of the kind
	NameLine, NameColumn int
}

// NodeKind is what a Node is.
type NodeKind uint8

// The kinds of node.
const (
	StringNode NodeKind = iota
	NumberNode
	BoolNode
	ListNode
	ObjectNode
	CallNode
)

func (k NodeKind) String() string {
	return [...]string{"a string", "a number", "true or false", "a list", "an object", "a function"}[k]
}

// Node is one value as it was written.
type Node struct {
	Kind         NodeKind
	Text         string // of a string its content, of a number its digits, of a call the function
	Bool         bool
	Items        []*Node  // of a list; of a call the argument
	Entries      []*Entry // of an object
	Line, Column int
}

// Entry is one "name: value" of an object.
type Entry struct {
	Name         string
	Line, Column int
	Value        *Node
}

// Parse reads one file. It returns what it could read together with all
// violations, so that one run can report everything.
func Parse(file string, src []byte) (*File, []base.Violation) {
	f := &File{Name: file}
	if len(src) > sizeMax {
		return f, []base.Violation{{ID: "size", File: file, Line: 1, Column: 1, Message: fmt.Sprintf("the file has %d bytes; at most %d are read", len(src), sizeMax)}}
	}
	if line, column, ok := firstInvalid(src); !ok {
		return f, []base.Violation{{ID: "utf8", File: file, Line: line, Column: column, Expected: "UTF-8", Message: "the file is not UTF-8 text"}}
	}
	tokens, violations := lex(file, string(src))
	p := &parser{file: file, tokens: tokens, violations: violations}
	for p.peek().kind != endToken && len(p.violations) < faultsMax {
		if d := p.declaration(); d != nil {
			f.Declarations = append(f.Declarations, d)
		}
	}
	f.broken = len(p.violations) > 0
	return f, p.violations
}

func firstInvalid(src []byte) (line, column int, ok bool) {
	if utf8.Valid(src) {
		return 0, 0, true
	}
	line, column = 1, 1
	for {
		c, n := utf8.DecodeRune(src)
		switch {
		case c == utf8.RuneError && n == 1:
			return line, column, false
		case c == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		src = src[n:]
	}
}

type parser struct {
	file       string
	tokens     []token
	pos        int
	violations []base.Violation
	stopped    bool // by a fault after which every other one would be noise
}

func (p *parser) peek() token { return p.tokens[p.pos] }

// next passes a token; the end stays.
func (p *parser) next() token {
	t := p.tokens[p.pos]
	if t.kind != endToken {
		p.pos++
	}
	return t
}

func (p *parser) take(mark string) bool {
	if p.peek().is(mark) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) note(t token, id, expected, message string) {
	if len(p.violations) < faultsMax && !p.stopped {
		p.violations = append(p.violations, base.Violation{ID: id, Message: message, Expected: expected, File: p.file, Line: t.line, Column: t.column})
	}
}

func (p *parser) expected(what string) {
	t := p.peek()
	p.note(t, "syntax", what, fmt.Sprintf("expected %s, found %s", what, t.describe()))
}

// declaration reads kind 'name' = { … }. It returns nil behind an error after
// which the rest makes no sense.
func (p *parser) declaration() *Declaration {
	kind := p.peek()
	if kind.kind != wordToken {
		p.expected("a declaration such as volume 'media' = { … }")
		return p.recover()
	}
	p.next()
	name := p.peek()
	if name.kind == wordToken {
		p.note(name, "syntax", quote(name.text), "names stand in quotes: "+quote(name.text))
	} else if name.kind != stringToken {
		p.expected("the name of the " + kind.text + " in quotes")
		return p.recover()
	}
	p.next()
	d := &Declaration{Kind: kind.text, Name: name.text, Line: kind.line, Column: kind.column, NameLine: name.line, NameColumn: name.column}
	if !p.take("=") {
		p.expected(`"="`)
		if !p.peek().is("{") {
			return p.recover()
		}
	}
	if !p.peek().is("{") {
		p.expected(`"{"`)
		return p.recover()
	}
	d.Body = p.object(1)
	return d
}

// recover skips to what looks like the next declaration.
func (p *parser) recover() *Declaration {
	for p.peek().kind != endToken {
		p.next()
		if p.startsDeclaration() {
			break
		}
	}
	return nil
}

// startsDeclaration tests for a word at the beginning of a line that a name and
// "=" follow, which nothing else in the language looks like.
func (p *parser) startsDeclaration() bool {
	if t := p.peek(); t.kind != wordToken || !t.newline || p.pos+2 >= len(p.tokens) {
		return false
	}
	name := p.tokens[p.pos+1]
	return (name.kind == stringToken || name.kind == wordToken) && p.tokens[p.pos+2].is("=")
}

func (p *parser) object(depth int) *Node {
	open := p.next()
	n := &Node{Kind: ObjectNode, Line: open.line, Column: open.column}
	if !p.deep(open, depth) {
		return n
	}
	for !p.take("}") {
		if p.peek().kind == endToken || p.startsDeclaration() {
			p.note(p.peek(), "syntax", `"}"`, fmt.Sprintf(`expected "}" for the "{" of line %d, found %s`, open.line, p.peek().describe()))
			return n
		}
		start := p.pos
		if e := p.entry(depth); e != nil {
			n.Entries = append(n.Entries, e)
			p.separator("}")
		} else { // that is said already
			p.take(",")
		}
		if p.pos == start { // a mark that closes nothing
			p.next()
		}
	}
	return n
}

func (p *parser) entry(depth int) *Entry {
	name := p.peek()
	if name.kind != wordToken && name.kind != stringToken {
		p.expected("a field such as size: '10GB'")
		p.skip()
		return nil
	}
	p.next()
	if !p.take(":") {
		if p.take("=") {
			p.note(p.tokens[p.pos-1], "syntax", `":"`, `fields are written with ":", found "="`)
		} else {
			p.expected(`":" after ` + name.describe())
			if !p.peek().is("{") {
				p.skip()
				return nil
			}
		}
	}
	v := p.value(depth)
	if v == nil {
		return nil
	}
	return &Entry{Name: name.text, Line: name.line, Column: name.column, Value: v}
}

func (p *parser) list(depth int) *Node {
	open := p.next()
	n := &Node{Kind: ListNode, Line: open.line, Column: open.column}
	if !p.deep(open, depth) {
		return n
	}
	for !p.take("]") {
		if p.peek().kind == endToken || p.startsDeclaration() || p.peek().is("}") {
			p.note(p.peek(), "syntax", `"]"`, fmt.Sprintf(`expected "]" for the "[" of line %d, found %s`, open.line, p.peek().describe()))
			return n
		}
		start := p.pos
		if v := p.value(depth); v != nil {
			n.Items = append(n.Items, v)
			p.separator("]")
		} else {
			p.take(",")
		}
		if p.pos == start {
			p.next()
		}
	}
	return n
}

// deep refuses nesting beyond the limit and skips what is nested.
func (p *parser) deep(open token, depth int) bool {
	if depth <= depthMax {
		return true
	}
	p.note(open, "depth", "", fmt.Sprintf("more than %d lists and objects inside each other", depthMax))
	p.pos, p.stopped = len(p.tokens)-1, true
	return false
}

// separator passes a comma, or demands a new line before the next entry.
func (p *parser) separator(closing string) {
	t := p.peek()
	if p.take(",") || t.newline || t.is(closing) || t.kind == endToken {
		return
	}
	p.expected(`"," or a new line or "` + closing + `"`)
	p.skip()
	p.take(",")
}

// skip goes to the end of an entry that cannot be understood: the next line,
// comma or closing mark on the same level.
func (p *parser) skip() {
	for level := 0; ; p.next() {
		t := p.peek()
		switch {
		case t.kind == endToken, p.startsDeclaration():
			return
		case t.is("{"), t.is("["), t.is("("):
			level++
			continue
		case t.is("}"), t.is("]"):
			if level == 0 {
				return
			}
			level--
		case t.is(")"):
			level = max(level-1, 0)
		case level == 0 && t.is(","):
			return
		}
		if level == 0 && p.tokens[p.pos+1].newline {
			p.next()
			return
		}
	}
}

func (p *parser) value(depth int) *Node {
	t := p.peek()
	n := &Node{Text: t.text, Line: t.line, Column: t.column}
	switch {
	case t.is("{"):
		return p.object(depth + 1)
	case t.is("["):
		return p.list(depth + 1)
	case t.kind == stringToken:
		n.Kind = StringNode
	case t.kind == numberToken:
		n.Kind = NumberNode
	case t.kind == wordToken && p.tokens[p.pos+1].is("("):
		return p.call()
	case t.kind == wordToken && (t.text == "true" || t.text == "false"):
		n.Kind, n.Bool = BoolNode, t.text == "true"
	case t.kind == wordToken:
		p.note(t, "syntax", quote(t.text), "texts stand in quotes: "+quote(shorten(t.text)))
		n.Kind = StringNode
	default:
		p.expected("a value")
		p.skip()
		return nil
	}
	p.next()
	return n
}

// call reads function('argument').
func (p *parser) call() *Node {
	name := p.next()
	p.next()
	n := &Node{Kind: CallNode, Text: name.text, Line: name.line, Column: name.column}
	argument := p.peek()
	if argument.kind != stringToken {
		p.expected("a text in quotes, as in " + name.text + "('…')")
		p.skip()
		return nil
	}
	p.next()
	n.Items = []*Node{{Kind: StringNode, Text: argument.text, Line: argument.line, Column: argument.column}}
	if !p.take(")") {
		p.expected(`")"`)
		p.skip()
	}
	return n
}
