package lex

import "fmt"

// Pos is a place in a text: line and column count from 1, columns in Unicode
// code points. The zero Pos is no place.
type Pos struct{ Line, Col int }

func (p Pos) String() string { return fmt.Sprintf("%d:%d", p.Line, p.Col) }

// Error is a place where the text breaks the grammar, with what was expected.
type Error struct {
	Pos Pos
	Msg string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// Errorf makes an Error at a place.
func Errorf(at Pos, format string, args ...any) *Error {
	return &Error{Pos: at, Msg: fmt.Sprintf(format, args...)}
}

// Kind is the sort of a token.
type Kind uint8

// The kinds of token. Names in brackets are the productions of SPARQL 1.1
// section 19.8 and Turtle 1.1 section 6.5.
const (
	EOF     Kind = iota // end of the text
	IRIRef              // [IRIREF] Text: the reference without <>, escapes decoded, not resolved
	PName               // [PNAME_LN, PNAME_NS] Prefix before the colon, Text after it with escapes decoded
	Blank               // [BLANK_NODE_LABEL] Text: the label without "_:"
	String              // [STRING_LITERAL…] Text: the decoded value
	LangTag             // [LANGTAG] Text: without "@"; also the words of "@prefix" and "@base"
	Integer             // [INTEGER] Text: as written, with its sign
	Decimal             // [DECIMAL] Text: as written, with its sign
	Double              // [DOUBLE] Text: as written, with its sign
	Var                 // [VAR1, VAR2] Text: the name without "?" or "$" (SPARQL only)
	Word                // a bare word: "a", "true", "PREFIX", "SELECT"; Text as written
	Punct               // Text: one of . , ; ( ) [ ] { } ^^ and in SPARQL also = != < > <= >= + - * / | || && ! ^ ?
)

var kindNames = [...]string{"the end", "an IRI", "a prefixed name", "a blank node", "a string", "a language tag",
	"an integer", "a decimal", "a double", "a variable", "a word", "punctuation"}

func (k Kind) String() string { return kindNames[k] }

// Token is one terminal of the text.
type Token struct {
	Kind   Kind
	Text   string
	Prefix string // of a PName
	Pos    Pos    // of its first character
	End    Pos    // just behind its last character
	Offset int    // in bytes from the start of the text
	Spaced bool   // white space or a comment stands before it
}

// Is reports whether the token is the given punctuation.
func (t Token) Is(punct string) bool { return t.Kind == Punct && t.Text == punct }

// String names the token for an error message: `"."`, `word "SELEC"`.
func (t Token) String() string {
	switch t.Kind {
	case EOF:
		return "the end of the text"
	case Punct:
		return fmt.Sprintf("%q", t.Text)
	case IRIRef:
		return "<" + clip(t.Text) + ">"
	case PName:
		return clip(t.Prefix + ":" + t.Text)
	case Blank:
		return "_:" + clip(t.Text)
	case LangTag:
		return "@" + clip(t.Text)
	case Var:
		return "?" + clip(t.Text)
	case String:
		return fmt.Sprintf("the string %q", clip(t.Text))
	default:
		return fmt.Sprintf("%q", clip(t.Text))
	}
}

// clip keeps a token from flooding an error message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && s[cut]&0xC0 == 0x80 {
		cut--
	}
	return s[:cut] + "…"
}
