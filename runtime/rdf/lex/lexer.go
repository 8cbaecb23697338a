package lex

import (
	"io"
	"unicode/utf8"
)

// Dialect chooses which terminals are known.
type Dialect uint8

// The dialects. Turtle serves TriG too, NTriples serves N-Quads too.
const (
	Turtle Dialect = iota
	NTriples
	SPARQL
)

// Limits of what one token may be, in bytes. Zero means the default.
type Limits struct {
	IRI     int // of an IRI, a name or a label; default 64 KiB
	Literal int // default 16 MiB
}

// Lexer cuts a stream into tokens.
type Lexer struct {
	in      input
	dialect Dialect
	limits  Limits
	scratch []byte
	// whole is the text where it is a string, of which tokens are then parts;
	// those of a stream are strings of their own, IRIs taken from known.
	whole string
	known *known
}

// known are IRIs that came lately. Texts repeat them in each statement; taking
// the string that was made before spares the collector most of its work.
type known [256]string

func (k *known) text(raw []byte) string {
	const most = 256 // bytes, so that all of them are few
	if len(raw) == 0 || len(raw) > most {
		return string(raw)
	}
	last := len(raw) - 1
	slot := &k[(uint(len(raw))*7+uint(raw[last])*31+uint(raw[last/2])*17+uint(raw[last-last/4]))%uint(len(k))]
	if *slot != string(raw) {
		*slot = string(raw)
	}
	return *slot
}

// New makes a lexer of a stream. A byte order mark at its start is passed over.
func New(r io.Reader, d Dialect, limits Limits) *Lexer {
	return begin(&Lexer{in: input{r: r}, dialect: d, limits: limits, known: new(known)})
}

// NewString makes a lexer of a text. The strings of its tokens are parts of it,
// and keep all of it as long as one of them is kept.
func NewString(text string, d Dialect, limits Limits) *Lexer {
	return begin(&Lexer{in: input{buf: []byte(text), ended: true}, dialect: d, limits: limits, whole: text})
}

func begin(l *Lexer) *Lexer {
	if l.limits.IRI <= 0 {
		l.limits.IRI = 64 << 10
	}
	if l.limits.Literal <= 0 {
		l.limits.Literal = 16 << 20
	}
	l.in.at = Pos{Line: 1, Col: 1}
	if r, n := l.in.runeAt(0); r == '\uFEFF' {
		l.in.skip(n)
		l.in.at.Col = 1
	}
	return l
}

// cut is the text between two offsets, which must have been peeked.
func (l *Lexer) cut(from, to int) string {
	if l.known == nil {
		return l.whole[l.in.offset+from : l.in.offset+to]
	}
	return string(l.in.buf[l.in.pos+from : l.in.pos+to])
}

// Next is the next token. At the end it answers EOF tokens for ever. Errors of
// the text are of type *Error; after one the lexer stands behind the offending
// character and can go on. Any other error comes from the reader and is final.
func (l *Lexer) Next() (Token, error) {
	before := l.in.offset
	if err := l.space(); err != nil {
		return Token{}, err
	}
	t := Token{Pos: l.in.at, Offset: l.in.offset, Spaced: l.in.offset > before}
	err := l.scan(&t)
	if l.in.err != nil {
		return Token{}, l.in.err
	}
	if err != nil {
		return Token{}, err
	}
	t.End = l.in.at
	return t, nil
}

// SkipLine passes over the rest of the line, to go on after an error.
func (l *Lexer) SkipLine() {
	for c := l.in.peek(0); c >= 0; c = l.in.peek(0) {
		l.in.skip(1)
		if c == '\n' {
			return
		}
	}
}

// space passes over white space and comments.
func (l *Lexer) space() error {
	for {
		switch c := l.in.peek(0); {
		case c == ' ' || c == '\t':
			l.in.skipInLine(1)
		case c == '\n' || c == '\r':
			l.in.skip(1)
		case c == '#':
			if err := l.comment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func (l *Lexer) comment() error {
	for c := l.in.peek(0); c >= 0 && c != '\n' && c != '\r'; c = l.in.peek(0) {
		_, size := l.in.runeAt(0)
		if c >= utf8.RuneSelf && size == 1 {
			return l.invalid(0)
		}
		l.in.skip(size)
	}
	return nil
}

// scan reads the token that begins here.
func (l *Lexer) scan(t *Token) error {
	c := l.in.peek(0)
	switch {
	case c < 0:
		t.Kind = EOF
		return nil
	case c == '<':
		return l.iriRef(t)
	case c == '"' || c == '\'':
		return l.str(t, c)
	case c == '_':
		return l.blank(t)
	case c == '@':
		return l.langTag(t)
	case (c == '?' || c == '$') && l.dialect == SPARQL:
		return l.variable(t)
	case is(c, classDigit):
		return l.number(t)
	case c == '.' || c == '+' || c == '-':
		if n := l.signedNumber(c); n {
			return l.number(t)
		}
		return l.punct(t, c)
	case c == ':' || is(c, classBase) || c >= utf8.RuneSelf:
		return l.name(t)
	default:
		return l.punct(t, c)
	}
}

// signedNumber reports whether a sign or a dot begins a number.
func (l *Lexer) signedNumber(c int) bool {
	next := l.in.peek(1)
	return is(next, classDigit) || c != '.' && next == '.' && is(l.in.peek(2), classDigit)
}

// punct reads punctuation; the longest one wins.
func (l *Lexer) punct(t *Token, c int) error {
	t.Kind, t.Text = Punct, ""
	next := l.in.peek(1)
	switch c {
	case '.', ',', ';', '(', ')', '[', ']', '{', '}':
		t.Text = oneChar(c)
	case '^':
		if next == '^' {
			t.Text = "^^"
		} else if l.dialect == SPARQL {
			t.Text = "^"
		}
	default:
		if l.dialect == SPARQL {
			t.Text = operator(c, next)
		}
	}
	if t.Text == "" {
		return l.unexpected()
	}
	l.in.skipInLine(len(t.Text))
	return nil
}

// operator is the SPARQL operator that two characters begin with, or "".
func operator(c, next int) string {
	switch {
	case c == '!' && next == '=':
		return "!="
	case c == '<' && next == '=':
		return "<="
	case c == '>' && next == '=':
		return ">="
	case c == '|' && next == '|':
		return "||"
	case c == '&' && next == '&':
		return "&&"
	}
	switch c {
	case '=', '!', '<', '>', '+', '-', '*', '/', '|', '?':
		return oneChar(c)
	}
	return ""
}

// oneChar is a string of one ASCII character; it allocates nothing.
func oneChar(c int) string {
	const all = "!*+,-./;<=>?()[]{}|"
	for i := range len(all) {
		if int(all[i]) == c {
			return all[i : i+1]
		}
	}
	return ""
}

// unexpected is the error that no token begins here; it passes the character.
func (l *Lexer) unexpected() error {
	r, size := l.in.runeAt(0)
	if r == utf8.RuneError && size == 1 {
		return l.invalid(0)
	}
	at := l.in.at
	l.in.skip(size)
	return Errorf(at, "no term or punctuation begins with %q", r)
}

// fail passes n bytes and puts an error at the place behind them.
func (l *Lexer) fail(n int, format string, args ...any) error {
	l.in.skip(n)
	err := Errorf(l.in.at, format, args...)
	if _, size := l.in.runeAt(0); n == 0 && size > 0 {
		l.in.skip(size) // an error never leaves the lexer where it was
	}
	return err
}

// invalid is the error that the bytes at an offset are not UTF-8.
func (l *Lexer) invalid(n int) error {
	c := l.in.peek(n)
	l.in.skip(n)
	err := Errorf(l.in.at, "byte 0x%02X is not valid UTF-8; the text must be UTF-8", c)
	l.in.skip(1)
	return err
}
