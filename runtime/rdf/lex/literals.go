package lex

import (
	"unicode/utf8"
)

// number reads INTEGER, DECIMAL or DOUBLE with its sign. The caller has seen
// that a number begins here.
func (l *Lexer) number(t *Token) error {
	i := 0
	if c := l.in.peek(0); c == '+' || c == '-' {
		i++
	}
	t.Kind = Integer
	i, whole := l.digits(i)
	if l.in.peek(i) == '.' {
		after, fraction := l.digits(i + 1)
		if end, ok := l.exponent(after); ok && (whole || fraction) {
			t.Kind, i = Double, end
		} else if fraction {
			t.Kind, i = Decimal, after
		}
	} else if end, ok := l.exponent(i); ok {
		t.Kind, i = Double, end
	}
	if i > l.limits.Literal {
		return l.fail(0, "a literal longer than %d bytes is refused", l.limits.Literal)
	}
	t.Text = l.cut(0, i)
	l.in.skipInLine(i)
	return nil
}

func (l *Lexer) digits(i int) (end int, any bool) {
	end = i
	for is(l.in.peek(end), classDigit) && end <= l.limits.Literal {
		end++
	}
	return end, end > i
}

func (l *Lexer) exponent(i int) (end int, ok bool) {
	if c := l.in.peek(i); c != 'e' && c != 'E' {
		return i, false
	}
	i++
	if c := l.in.peek(i); c == '+' || c == '-' {
		i++
	}
	return l.digits(i)
}

// str reads a string in any of the four forms of quotation.
func (l *Lexer) str(t *Token, quote int) error {
	if raw, ok := l.in.plain('"', classNoString, l.limits.Literal); ok && quote == '"' && len(raw) > 0 {
		t.Kind, t.Text = String, l.cut(1, 1+len(raw))
		l.in.skipInLine(len(raw) + 2)
		return nil
	}
	width := 1
	if l.in.peek(1) == quote && l.in.peek(2) == quote {
		width = 3
	}
	if l.dialect == NTriples && (quote == '\'' || width == 3) {
		return l.fail(0, `N-Triples and N-Quads write strings in "…" only`)
	}
	escaped, wide := false, false
	i := width
	for {
		c := l.in.peek(i)
		switch {
		case c == quote && (width == 1 || l.in.peek(i+1) == quote && l.in.peek(i+2) == quote):
			return l.endString(t, i, width, escaped, wide)
		case c == '\\':
			escaped = true
			if l.in.peek(i+1) >= 0 {
				i++
			}
		case c < 0:
			return l.unclosed(t.Pos, i, quote, width)
		case (c == '\n' || c == '\r') && width == 1:
			return l.unclosed(t.Pos, i, quote, width)
		case c >= utf8.RuneSelf:
			wide = true
		}
		if i++; i-width > l.limits.Literal {
			return l.fail(0, "a literal longer than %d bytes is refused", l.limits.Literal)
		}
	}
}

func (l *Lexer) unclosed(from Pos, n, quote, width int) error {
	closing := string([]byte{byte(quote), byte(quote), byte(quote)}[:width])
	return l.fail(n, "the string that begins at %s is not closed; expected %s", from, closing)
}

// endString makes the token of a string whose text ends at an offset.
func (l *Lexer) endString(t *Token, i, width int, escaped, wide bool) error {
	raw := l.in.text(i)[width:]
	if wide && !utf8.Valid(raw) {
		return l.invalid(width + firstInvalid(raw))
	}
	t.Kind = String
	if !escaped {
		t.Text = l.cut(width, i)
	} else if err := l.unescape(width, raw, true); err != nil {
		return err
	} else {
		t.Text = string(l.scratch)
	}
	l.in.skip(i + width)
	return nil
}

// unescape decodes \u and \U, and in strings also \t \b \n \r \f \" \' \\,
// into the scratch buffer. raw begins start bytes behind the present place.
func (l *Lexer) unescape(start int, raw []byte, inString bool) error {
	l.scratch = l.scratch[:0]
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			l.scratch = append(l.scratch, raw[i])
			continue
		}
		c := raw[i+1] // the scanner saw a character behind every backslash
		if c == 'u' || c == 'U' {
			r, size, ok := codepoint(raw[i:])
			if !ok {
				return l.fail(start+i, `expected \u with 4 or \U with 8 hexadecimal digits of a Unicode character`)
			}
			l.scratch = utf8.AppendRune(l.scratch, r)
			i += size - 1
			continue
		}
		plain, ok := stringEscape(c)
		if !ok || !inString {
			return l.fail(start+i, `unknown escape; expected one of \t \b \n \r \f \" \' \\ \u \U`)
		}
		l.scratch = append(l.scratch, plain)
		i++
	}
	return nil
}

// stringEscape decodes ECHAR.
func stringEscape(c byte) (byte, bool) {
	switch c {
	case 't':
		return '\t', true
	case 'b':
		return '\b', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 'f':
		return '\f', true
	case '"', '\'', '\\':
		return c, true
	}
	return 0, false
}

// codepoint decodes UCHAR at the start of raw. Surrogates and numbers beyond
// Unicode are no characters.
func codepoint(raw []byte) (r rune, size int, ok bool) {
	size = 6
	if raw[1] == 'U' {
		size = 10
	}
	if len(raw) < size {
		return 0, 0, false
	}
	var n uint32
	for _, c := range raw[2:size] {
		if !is(int(c), classHex) {
			return 0, 0, false
		}
		n = n<<4 | uint32(c&0xF)
		if c >= 'A' {
			n += 9
		}
	}
	return rune(n), size, n <= utf8.MaxRune && utf8.ValidRune(rune(n))
}

// firstInvalid is the offset of the first byte that is not UTF-8.
func firstInvalid(b []byte) int {
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(b)
}
