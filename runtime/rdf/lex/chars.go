package lex

// Classes of ASCII characters, as bits.
const (
	classBase     uint8 = 1 << iota // PN_CHARS_BASE: letters
	className                       // PN_CHARS: letters, digits, "_" and "-"
	classDigit                      // 0-9
	classHex                        // 0-9 A-F a-f
	classNoIRI                      // forbidden in IRIREF
	classSpace                      // WS
	classNoString                   // in "…" the end, an escape or the end of the line
)

var ascii = classes()

func classes() (t [128]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			t[c] |= classBase | className
		case c >= '0' && c <= '9':
			t[c] |= classDigit | className | classHex
		case c == '_' || c == '-':
			t[c] |= className
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			t[c] |= classSpace
		}
		if c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' {
			t[c] |= classHex
		}
		if c <= ' ' {
			t[c] |= classNoIRI
		}
	}
	for _, c := range "\"\\\r\n" {
		t[c] |= classNoString
	}
	for _, c := range "<>\"{}|^`\\" {
		t[c] |= classNoIRI
	}
	return t
}

// is tests a byte (or -1, the end of the text) against a class.
func is(c int, class uint8) bool { return c >= 0 && c < 128 && ascii[c]&class != 0 }

// IsNameBase tests for PN_CHARS_BASE (SPARQL 1.1 rule 164).
func IsNameBase(r rune) bool {
	if r < 128 {
		return is(int(r), classBase)
	}
	return r >= 0xC0 && r <= 0x2FF && r != 0xD7 && r != 0xF7 ||
		r >= 0x370 && r <= 0x1FFF && r != 0x37E ||
		r == 0x200C || r == 0x200D ||
		r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF ||
		r >= 0x3001 && r <= 0xD7FF || r >= 0xF900 && r <= 0xFDCF ||
		r >= 0xFDF0 && r <= 0xFFFD || r >= 0x10000 && r <= 0xEFFFF
}

// IsNameChar tests for PN_CHARS (SPARQL 1.1 rule 167).
func IsNameChar(r rune) bool {
	if r < 128 {
		return is(int(r), className)
	}
	return IsNameBase(r) || isJoining(r)
}

// isJoining tests for the characters that may continue a name, not begin one.
func isJoining(r rune) bool {
	return r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// IsIRIChar tests whether a character may stand in IRIREF as itself.
func IsIRIChar(r rune) bool { return r >= 128 || !is(int(r), classNoIRI) && r >= 0 }

// localEscapes may follow a backslash in the local part of a prefixed name.
const localEscapes = "_~.-!$&'()*+,;=/?#@%"
