package lang

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	stringToken
	numberToken
	punctuationToken
)

// token is one piece of a text. Lines are no tokens: newline says that one
// began before it, which separates as a comma does.
type token struct {
	kind         tokenKind
	text         string // of a string its content
	newline      bool
	line, column int
}

// is tests for a punctuation mark.
func (t token) is(mark string) bool { return t.kind == punctuationToken && t.text == mark }

// describe is the token in an error message.
func (t token) describe() string {
	switch t.kind {
	case endToken:
		return "the end of the file"
	case stringToken:
		return "the string " + quote(shorten(t.text))
	}
	return strconv.Quote(shorten(t.text))
}

// faultsMax is how many errors one file may show before the rest of it is left.
const faultsMax = 50

type lexer struct {
	file         string
	src          string
	pos          int
	line, column int
	newline      bool
	tokens       []token
	violations   []base.Violation
}

// lex cuts a text into tokens; the last is the end.
func lex(file, src string) ([]token, []base.Violation) {
	l := &lexer{file: file, src: strings.TrimPrefix(src, "\ufeff"), line: 1, column: 1, newline: true}
	for len(l.violations) < faultsMax && l.space() {
		l.token()
	}
	l.emit(token{kind: endToken, line: l.line, column: l.column})
	return l.tokens, l.violations
}

func (l *lexer) note(line, column int, id, expected, message string) {
	if len(l.violations) < faultsMax {
		l.violations = append(l.violations, base.Violation{ID: id, Message: message, Expected: expected, File: l.file, Line: line, Column: column})
	}
}

func (l *lexer) emit(t token) {
	t.newline, l.newline = l.newline, false
	l.tokens = append(l.tokens, t)
}

func (l *lexer) at(prefix string) bool { return strings.HasPrefix(l.src[l.pos:], prefix) }

func (l *lexer) peek() rune {
	c, _ := utf8.DecodeRuneInString(l.src[l.pos:])
	return c
}

// next passes one character. It is here that characters which no editor shows
// are refused, wherever they stand.
func (l *lexer) next() rune {
	c, n := utf8.DecodeRuneInString(l.src[l.pos:])
	if isHidden(c) {
		l.note(l.line, l.column, "control", fmt.Sprintf(`\u{%x}`, c), fmt.Sprintf(`the control character U+%04X cannot stand here; in a string write \u{%x}`, c, c))
	}
	l.pos += n
	l.column++
	if c == '\n' {
		l.line, l.column = l.line+1, 1
	}
	return c
}

// isHidden tests for controls, and for the marks that turn the direction of
// writing round and let a text look other than it reads.
func isHidden(c rune) bool {
	switch c {
	case '\t', '\n', '\r':
		return false
	}
	return unicode.IsControl(c) || c >= 0x202A && c <= 0x202E || c >= 0x2066 && c <= 0x2069 || c == 0xFEFF
}

// space passes blanks and comments and reports whether a token follows.
func (l *lexer) space() bool {
	for l.pos < len(l.src) {
		switch {
		case l.at("//"):
			for l.pos < len(l.src) && l.src[l.pos] != '\n' {
				l.next()
			}
		case l.at("/*"):
			l.comment()
		case strings.IndexByte(" \t\r\n", l.src[l.pos]) >= 0:
			l.newline = l.src[l.pos] == '\n' || l.newline
			l.next()
		default:
			return true
		}
	}
	return false
}

func (l *lexer) comment() {
	line, column := l.line, l.column
	for !l.at("*/") {
		if l.pos == len(l.src) {
			l.note(line, column, "syntax", "*/", "this comment does not end; expected */")
			return
		}
		l.newline = l.next() == '\n' || l.newline
	}
	l.pos += 2
	l.column += 2
}

func (l *lexer) token() {
	t := token{line: l.line, column: l.column}
	switch c := l.src[l.pos]; {
	case l.at("'''"):
		t.kind, t.text = stringToken, l.raw()
	case c == '\'':
		t.kind, t.text = stringToken, l.quoted('\'')
	case c == '"':
		l.note(t.line, t.column, "syntax", "'…'", "strings stand in single quotes: '…'")
		t.kind, t.text = stringToken, l.quoted('"')
	case strings.IndexByte("={}[]():,", c) >= 0:
		l.next()
		t.kind, t.text = punctuationToken, string(c)
	case c == '-' || '0' <= c && c <= '9':
		t.kind, t.text = numberToken, l.while(isNumberPart)
		l.number(&t)
	case isWordStart(rune(c)):
		t.kind, t.text = wordToken, l.while(isWordPart)
	default:
		l.stray()
		return
	}
	l.emit(t)
}

func isWordStart(c rune) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' }
func isWordPart(c rune) bool  { return isWordStart(c) || '0' <= c && c <= '9' || c == '-' }
func isNumberPart(c rune) bool {
	return isWordPart(c) || c == '.' || c == '+'
}

func (l *lexer) while(part func(rune) bool) string {
	start := l.pos
	for l.pos < len(l.src) && part(l.peek()) {
		l.next()
	}
	return l.src[start:l.pos]
}

// stray passes characters that begin no token, as one error a run.
func (l *lexer) stray() {
	line, column, first := l.line, l.column, l.peek()
	count := len(l.violations)
	for l.pos < len(l.src) && strings.IndexByte(" \t\r\n'={}[]():,", l.src[l.pos]) < 0 && !isWordPart(l.peek()) {
		l.next()
		l.violations = l.violations[:count]
	}
	l.note(line, column, "syntax", "", fmt.Sprintf("unexpected %q; texts stand in single quotes: '…'", first))
	l.newline = true // so that what follows is read as something new
}

// number checks the form of a number (that of JSON, RFC 8259 section 6).
func (l *lexer) number(t *token) {
	text := t.text
	digits := strings.TrimPrefix(text, "-")
	_, err := strconv.ParseFloat(text, 64)
	wellFormed := err == nil && digits != "" && digits[0] >= '0' && digits[0] <= '9' && !strings.ContainsAny(text, "_xXpPiInN") &&
		!strings.HasSuffix(text, ".") && !strings.Contains(text, ".e") && !strings.Contains(text, ".E") &&
		(len(digits) == 1 || digits[0] != '0' || digits[1] < '0' || digits[1] > '9')
	if !wellFormed {
		l.note(t.line, t.column, "number", quote(text), fmt.Sprintf("%s is not a number; quantities and texts stand in quotes: %s", shorten(text), quote(shorten(text))))
		t.kind = stringToken // what was meant, so that one slip is one error
	}
}

// quoted reads a string on one line.
func (l *lexer) quoted(mark rune) string {
	line, column := l.line, l.column
	l.next()
	var b strings.Builder
	for l.pos < len(l.src) && l.src[l.pos] != '\n' {
		switch c := l.next(); c {
		case mark:
			return b.String()
		case '\\':
			l.escape(&b)
		default:
			b.WriteRune(c)
		}
	}
	l.note(line, column, "syntax", string(mark), "this string does not end on its line; close it with ', or write several lines between ''' and '''")
	return strings.TrimRight(b.String(), "\r")
}

func (l *lexer) escape(b *strings.Builder) {
	line, column := l.line, l.column-1
	if l.pos == len(l.src) || l.src[l.pos] == '\n' {
		return // the string does not end; that is said by the caller
	}
	switch c := l.next(); c {
	case '\'', '\\', '"':
		b.WriteRune(c)
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'r':
		b.WriteByte('\r')
	case 'u':
		if c, ok := l.unicode(); ok {
			b.WriteRune(c)
			return
		}
		l.note(line, column, "escape", `\u{1F600}`, `\u needs the number of a character in braces, such as \u{e9}`)
	default:
		l.note(line, column, "escape", `\' \\ \n \t \u{…}`, fmt.Sprintf(`\%c means nothing; known are \' \\ \n \t \u{…}`, c))
	}
}

func (l *lexer) unicode() (rune, bool) {
	if !l.at("{") {
		return 0, false
	}
	end := strings.IndexByte(l.src[l.pos:min(len(l.src), l.pos+8)], '}')
	if end < 0 {
		return 0, false
	}
	n, err := strconv.ParseUint(l.src[l.pos+1:l.pos+end], 16, 32)
	if err != nil || n == 0 || !utf8.ValidRune(rune(n)) {
		return 0, false
	}
	for range end + 1 {
		l.next()
	}
	return rune(n), true
}

// raw reads a string of several lines. A line break right behind the opening
// marks is not part of it; line ends are \n whatever the file has.
func (l *lexer) raw() string {
	line, column := l.line, l.column
	l.pos += 3
	l.column += 3
	start := l.pos
	for !l.at("'''") {
		if l.pos == len(l.src) {
			l.note(line, column, "syntax", "'''", "this string does not end; expected '''")
			break
		}
		l.next()
	}
	text := strings.ReplaceAll(l.src[start:l.pos], "\r\n", "\n")
	if l.at("'''") {
		l.pos += 3
		l.column += 3
	}
	return strings.TrimPrefix(text, "\n")
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return s
}

// quote writes a string as the language does, on one line.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, c := range s {
		switch {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\t':
			b.WriteString(`\t`)
		case c == '\r' || isHidden(c):
			fmt.Fprintf(&b, `\u{%x}`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}
