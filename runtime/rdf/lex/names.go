package lex

import (
	"strings"
	"unicode/utf8"
)

// iriRef reads IRIREF, or in SPARQL the operator that "<" begins.
func (l *Lexer) iriRef(t *Token) error {
	if raw, ok := l.in.plain('>', classNoIRI, l.limits.IRI); ok {
		t.Kind = IRIRef
		if l.known != nil {
			t.Text = l.known.text(raw)
		} else {
			t.Text = l.cut(1, 1+len(raw))
		}
		l.in.skipInLine(len(raw) + 2)
		return nil
	}
	escaped, wide := false, false
	i := 1
	for {
		c := l.in.peek(i)
		if c == '>' {
			break
		}
		if c == '\\' && (l.in.peek(i+1) == 'u' || l.in.peek(i+1) == 'U') {
			escaped = true
		} else if c < 0 || is(c, classNoIRI) {
			return l.noIRI(t, i, c)
		}
		if c >= utf8.RuneSelf {
			wide = true
		}
		if i++; i > l.limits.IRI {
			return l.fail(0, "an IRI longer than %d bytes is refused", l.limits.IRI)
		}
	}
	raw := l.in.text(i)[1:]
	if wide && !utf8.Valid(raw) {
		return l.invalid(1 + firstInvalid(raw))
	}
	t.Kind = IRIRef
	if !escaped {
		t.Text = l.cut(1, i)
	} else if err := l.unescape(1, raw, false); err != nil {
		return err
	} else {
		t.Text = string(l.scratch)
		for _, r := range t.Text {
			if !IsIRIChar(r) {
				return l.fail(0, "the escaped character %q is not allowed in an IRI", r)
			}
		}
	}
	l.in.skip(i + 1)
	return nil
}

// noIRI says what stands in the way of an IRI at an offset.
func (l *Lexer) noIRI(t *Token, i, c int) error {
	if l.dialect == SPARQL {
		t.Kind, t.Text = Punct, operator('<', l.in.peek(1))
		l.in.skipInLine(len(t.Text))
		return nil
	}
	if c < 0 || c == '\n' || c == '\r' {
		return l.fail(i, "the IRI is not closed; expected \">\"")
	}
	return l.fail(i, "%q is not allowed in an IRI; write it percent-encoded", rune(c))
}

// name reads a prefixed name or a bare word.
func (l *Lexer) name(t *Token) error {
	end, dots := l.prefixEnd()
	if !dots && l.in.peek(end) == ':' {
		t.Kind, t.Prefix = PName, l.cut(0, end)
		return l.local(t, end+1)
	}
	n := 0
	for c := l.in.peek(n); is(c, className) && c != '-' && n <= l.limits.IRI; c = l.in.peek(n) {
		n++
	}
	if r, size := l.in.runeAt(n); r == utf8.RuneError && size == 1 {
		return l.invalid(n)
	}
	if n == 0 {
		if end > 0 {
			return l.fail(end, "expected \":\" after the prefix of a name")
		}
		return l.unexpected()
	}
	if n > l.limits.IRI {
		return l.fail(0, "a word longer than %d bytes is refused", l.limits.IRI)
	}
	t.Kind, t.Text = Word, l.cut(0, n)
	l.in.skipInLine(n)
	return nil
}

// prefixEnd finds the end of PN_PREFIX; dots reports that dots follow it,
// which no prefix may end with.
func (l *Lexer) prefixEnd() (end int, dots bool) {
	for i := 0; i <= l.limits.IRI; {
		c := l.in.peek(i)
		if c == '.' && i > 0 {
			i++
			continue
		}
		r, size := l.in.runeAt(i)
		if size == 0 || size == 1 && r == utf8.RuneError || i == 0 && !IsNameBase(r) || !IsNameChar(r) {
			return end, i > end
		}
		i += size
		end = i
	}
	return end, true
}

// local reads PN_LOCAL from an offset on and passes the whole name.
func (l *Lexer) local(t *Token, start int) error {
	end, escaped := start, false
	for i := start; ; {
		if i-start > l.limits.IRI {
			return l.fail(0, "a name longer than %d bytes is refused", l.limits.IRI)
		}
		c := l.in.peek(i)
		switch {
		case c == '.' && i > start:
			i++
			continue // counts only if more of the name follows
		case c == '%':
			if !is(l.in.peek(i+1), classHex) || !is(l.in.peek(i+2), classHex) {
				return l.fail(i, "expected two hexadecimal digits after %%")
			}
			i += 3
		case c == '\\':
			next := l.in.peek(i + 1)
			if next < 0 || next >= utf8.RuneSelf || strings.IndexByte(localEscapes, byte(next)) < 0 {
				return l.fail(i, `expected one of %s after \ in a name`, localEscapes)
			}
			escaped = true
			i += 2
		case c == ':':
			i++
		default:
			r, size := l.in.runeAt(i)
			first := i == start
			if !(IsNameChar(r) && !(first && (r == '-' || isJoining(r)))) || size == 0 || size == 1 && r == utf8.RuneError {
				if escaped {
					t.Text = dropBackslashes(l.in.text(end)[start:])
				} else {
					t.Text = l.cut(start, end)
				}
				l.in.skip(end)
				return nil
			}
			i += size
		}
		end = i
	}
}

func dropBackslashes(raw []byte) string {
	out := make([]byte, 0, len(raw))
	for _, c := range raw {
		if c != '\\' {
			out = append(out, c)
		}
	}
	return string(out)
}

// blank reads BLANK_NODE_LABEL.
func (l *Lexer) blank(t *Token) error {
	if l.in.peek(1) != ':' {
		return l.fail(1, "expected \":\" and a label after \"_\"")
	}
	const start = 2
	end := start
	for i := start; i-start <= l.limits.IRI; {
		r, size := l.in.runeAt(i)
		if r == '.' && i > start {
			i++
			continue
		}
		inner := i > start && (r == '-' || isJoining(r))
		digit := is(int(r), classDigit)
		if size == 0 || size == 1 && r == utf8.RuneError || !(IsNameBase(r) || r == '_' || digit || inner) {
			if end == start {
				return l.fail(start, "expected a label after \"_:\"")
			}
			t.Kind, t.Text = Blank, l.cut(start, end)
			l.in.skip(end)
			return nil
		}
		i += size
		end = i
	}
	return l.fail(0, "a label longer than %d bytes is refused", l.limits.IRI)
}

// langTag reads LANGTAG, or the "@prefix" and "@base" of Turtle.
func (l *Lexer) langTag(t *Token) error {
	i := 1
	for is(l.in.peek(i), classBase) && i <= l.limits.IRI {
		i++
	}
	if i == 1 {
		return l.fail(1, "expected a language tag, \"prefix\" or \"base\" after \"@\"")
	}
	for l.in.peek(i) == '-' && i <= l.limits.IRI {
		sub := i + 1
		for is(l.in.peek(sub), classBase|classDigit) && sub <= l.limits.IRI {
			sub++
		}
		if sub == i+1 {
			return l.fail(i, "expected letters or digits after \"-\" in a language tag")
		}
		i = sub
	}
	if i > l.limits.IRI {
		return l.fail(0, "a language tag longer than %d bytes is refused", l.limits.IRI)
	}
	t.Kind, t.Text = LangTag, l.cut(1, i)
	l.in.skipInLine(i)
	return nil
}

// variable reads VAR1 and VAR2, or the "?" of a path.
func (l *Lexer) variable(t *Token) error {
	i := 1
	for i <= l.limits.IRI {
		r, size := l.in.runeAt(i)
		inner := i > 1 && isJoining(r)
		if size == 0 || size == 1 && r == utf8.RuneError || !(IsNameBase(r) || r == '_' || is(int(r), classDigit) || inner) {
			break
		}
		i += size
	}
	if i == 1 {
		return l.punct(t, l.in.peek(0))
	}
	if i > l.limits.IRI {
		return l.fail(0, "a variable longer than %d bytes is refused", l.limits.IRI)
	}
	t.Kind, t.Text = Var, l.cut(1, i)
	l.in.skip(i)
	return nil
}
