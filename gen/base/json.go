package base

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits bound what one reader takes from one text. A zero field means the
// default, so that the zero value is safe.
type Limits struct {
	Bytes int // of the text; default 16 MiB
	Depth int // of arrays and objects inside each other; default 32
	Nodes int // values and member names together; default 1,048,576
}

func (l Limits) filled() Limits {
	if l.Bytes == 0 {
		l.Bytes = 16 << 20
	}
	if l.Depth == 0 {
		l.Depth = 32
	}
	if l.Nodes == 0 {
		l.Nodes = 1 << 20
	}
	return l
}

// ReadJSON reads one JSON value (RFC 8259) with the place of every node, and
// nothing behind it. It is stricter than most readers: no two members of one
// name, no invalid UTF-8, no half of a surrogate pair, no U+0000. Integers
// beyond ±(2^53−1) are left to Decoder.Integer, which knows where they matter.
//
// The error is of the code Unparsable, or TooLarge when a limit is passed. All
// duplicate names are listed; any other fault ends the reading.
func ReadJSON(data []byte, limits Limits) (*Value, *Error) {
	limits = limits.filled()
	if len(data) > limits.Bytes {
		return nil, &Error{Code: TooLarge, Detail: fmt.Sprintf("the JSON text has %d bytes; at most %d are read", len(data), limits.Bytes)}
	}
	r := &jsonReader{data: data, limits: limits, line: 1, column: 1, names: map[string]string{}}
	v, ok := r.document()
	if !ok || len(r.violations) > 0 {
		code := Unparsable
		if r.tooLarge {
			code = TooLarge
		}
		return nil, &Error{Code: code, Detail: "the body is not JSON that can be read", Violations: r.violations}
	}
	return v, nil
}

// duplicatesMax is how many duplicate names one text may show before the
// reader gives up on it.
const duplicatesMax = 100

type jsonReader struct {
	data   []byte
	pos    int
	limits Limits
	nodes  int

	// marked is a place already counted to, line and column what it is: columns
	// are characters, and counting on from the last place keeps that linear.
	marked, line, column int

	path       []pathStep
	names      map[string]string // member names seen, so that repeated ones share memory
	chunk      []Value
	scratch    []byte
	violations []Violation
	tooLarge   bool
}

// pathStep is one step of the place in the tree: a member, or an item if the
// name is empty and item is set.
type pathStep struct {
	name string
	item bool
	i    int
}

func (r *jsonReader) document() (*Value, bool) {
	if i := invalidUTF8(r.data); i >= 0 {
		return nil, r.fail(i, "utf8", "UTF-8", fmt.Sprintf("byte 0x%02X is not UTF-8", r.data[i]))
	}
	v, ok := r.value(0)
	if !ok {
		return nil, false
	}
	r.space()
	if r.pos < len(r.data) {
		return nil, r.expected("the end of the text")
	}
	return v, true
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		c, n := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func (r *jsonReader) value(depth int) (*Value, bool) {
	r.space()
	if r.nodes++; r.nodes > r.limits.Nodes {
		r.tooLarge = true
		return nil, r.fail(r.pos, "nodes", "", fmt.Sprintf("more than %d values; send fewer at a time", r.limits.Nodes))
	}
	v := r.node()
	if r.pos == len(r.data) {
		return nil, r.expected("a value")
	}
	switch c := r.data[r.pos]; {
	case c == '{':
		return v, r.object(v, depth+1)
	case c == '[':
		return v, r.array(v, depth+1)
	case c == '"':
		v.Kind = StringValue
		text, ok := r.string()
		v.Text = string(text)
		return v, ok
	case c == '-' || '0' <= c && c <= '9':
		v.Kind = NumberValue
		return v, r.number(v)
	case c == 't':
		v.Kind, v.Bool = BoolValue, true
		return v, r.word("true")
	case c == 'f':
		v.Kind = BoolValue
		return v, r.word("false")
	case c == 'n':
		return v, r.word("null")
	}
	return nil, r.expected("a value")
}

// node takes a value from the current chunk and sets its place.
func (r *jsonReader) node() *Value {
	if len(r.chunk) == 0 {
		r.chunk = make([]Value, min(64, 4+r.nodes))
	}
	v := &r.chunk[0]
	r.chunk = r.chunk[1:]
	v.Line, v.Column = r.place(r.pos)
	return v
}

func (r *jsonReader) object(v *Value, depth int) bool {
	v.Kind = ObjectValue
	if !r.enter(depth) {
		return false
	}
	var seen map[string]bool // only for objects too big to look through
	for first := true; ; first = false {
		r.space()
		if first && r.take('}') {
			return true
		}
		if r.pos == len(r.data) || r.data[r.pos] != '"' {
			return r.expected("a member name in double quotes")
		}
		m := &Member{}
		r.nodes++
		m.Line, m.Column = r.place(r.pos)
		at := r.pos
		text, ok := r.string()
		if !ok {
			return false
		}
		m.Name = r.name(text)
		r.path = append(r.path, pathStep{name: m.Name})
		if seen == nil && len(v.Members) == 16 {
			seen = map[string]bool{}
			for _, other := range v.Members {
				seen[other.Name] = true
			}
		}
		if seen[m.Name] || seen == nil && v.Get(m.Name) != nil {
			if !r.duplicate(at, m.Name) {
				return false
			}
		}
		if seen != nil {
			seen[m.Name] = true
		}
		if r.space(); !r.take(':') {
			return r.expected(`":"`)
		}
		if m.Value, ok = r.value(depth); !ok {
			return false
		}
		r.path = r.path[:len(r.path)-1]
		v.Members = append(v.Members, m)
		if r.space(); r.take('}') {
			return true
		}
		if !r.take(',') {
			return r.expected(`"," or "}"`)
		}
	}
}

func (r *jsonReader) array(v *Value, depth int) bool {
	v.Kind = ArrayValue
	if !r.enter(depth) {
		return false
	}
	for i := 0; ; i++ {
		if r.space(); i == 0 && r.take(']') {
			return true
		}
		r.path = append(r.path, pathStep{item: true, i: i})
		item, ok := r.value(depth)
		if !ok {
			return false
		}
		r.path = r.path[:len(r.path)-1]
		v.Items = append(v.Items, item)
		if r.space(); r.take(']') {
			return true
		}
		if !r.take(',') {
			return r.expected(`"," or "]"`)
		}
	}
}

// enter passes the opening bracket of an array or object.
func (r *jsonReader) enter(depth int) bool {
	if depth > r.limits.Depth {
		return r.fail(r.pos, "depth", "", fmt.Sprintf("more than %d arrays and objects inside each other", r.limits.Depth))
	}
	r.pos++
	return true
}

// name gives the one string that stands for a member name.
func (r *jsonReader) name(text []byte) string {
	if name, ok := r.names[string(text)]; ok {
		return name
	}
	name := string(text)
	if len(r.names) < 1024 {
		r.names[name] = name
	}
	return name
}

func (r *jsonReader) space() {
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *jsonReader) take(c byte) bool {
	if r.pos < len(r.data) && r.data[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

func (r *jsonReader) word(word string) bool {
	if end := r.pos + len(word); end <= len(r.data) && string(r.data[r.pos:end]) == word {
		r.pos = end
		return true
	}
	return r.expected(word)
}

func (r *jsonReader) number(v *Value) bool {
	start := r.pos
	r.take('-')
	if !r.take('0') && !r.digits() {
		return r.expected("a digit")
	}
	if r.take('.') && !r.digits() {
		return r.expected("a digit")
	}
	if r.take('e') || r.take('E') {
		if !r.take('+') {
			r.take('-')
		}
		if !r.digits() {
			return r.expected("a digit")
		}
	}
	v.Text = string(r.data[start:r.pos])
	return true
}

func (r *jsonReader) digits() bool {
	start := r.pos
	for r.pos < len(r.data) && '0' <= r.data[r.pos] && r.data[r.pos] <= '9' {
		r.pos++
	}
	return r.pos > start
}

// string reads a string at its opening quote. The result is valid until the
// next call.
func (r *jsonReader) string() ([]byte, bool) {
	r.pos++
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return r.data[start : r.pos-1], true
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return nil, r.control(c)
		default:
			r.pos++
		}
	}
	return nil, r.expected(`a closing '"'`)
}

// escaped reads the rest of a string from its first backslash on.
func (r *jsonReader) escaped(start int) ([]byte, bool) {
	text := append(r.scratch[:0], r.data[start:r.pos]...)
	defer func() { r.scratch = text[:0] }()
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return text, true
		case c == '\\':
			char, ok := r.escape()
			if !ok {
				return nil, false
			}
			text = utf8.AppendRune(text, char)
		case c < 0x20:
			return nil, r.control(c)
		default:
			text = append(text, c)
			r.pos++
		}
	}
	return nil, r.expected(`a closing '"'`)
}

func (r *jsonReader) escape() (rune, bool) {
	at := r.pos
	r.pos++
	if r.pos == len(r.data) {
		return 0, r.expected("a character after the backslash")
	}
	c := r.data[r.pos]
	r.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
		return r.unicode(at)
	}
	return 0, r.fail(at, "escape", `\" \\ \/ \b \f \n \r \t \uXXXX`, "a backslash stands before one of \" \\ / b f n r t u")
}

// unicode reads the digits behind \u, and the other half of a surrogate pair.
func (r *jsonReader) unicode(at int) (rune, bool) {
	char, ok := r.hex4()
	if ok && utf16.IsSurrogate(char) {
		if r.take('\\') && r.take('u') {
			low, _ := r.hex4()
			char = utf16.DecodeRune(char, low)
		}
		if utf16.IsSurrogate(char) || char == utf8.RuneError {
			return 0, r.fail(at, "surrogate", "a pair of surrogates", "half of a surrogate pair is no character")
		}
	}
	switch {
	case !ok:
		return 0, r.fail(at, "escape", "four hexadecimal digits", `\u needs four hexadecimal digits`)
	case char == 0:
		return 0, r.fail(at, "escape", "", `\u0000 cannot be kept in a text`)
	}
	return char, true
}

func (r *jsonReader) hex4() (rune, bool) {
	if r.pos+4 > len(r.data) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.data[r.pos:r.pos+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	r.pos += 4
	return rune(n), true
}

func (r *jsonReader) control(c byte) bool {
	return r.fail(r.pos, "control", fmt.Sprintf(`\u%04x`, c), fmt.Sprintf(`a string cannot hold the control character U+%04X; write \u%04x`, c, c))
}

// place counts on to an offset, which is never before the last one asked for
// except when an error looks back; then it counts anew.
func (r *jsonReader) place(pos int) (line, column int) {
	if pos < r.marked {
		r.marked, r.line, r.column = 0, 1, 1
	}
	for _, c := range r.data[r.marked:pos] {
		switch {
		case c == '\n':
			r.line, r.column = r.line+1, 1
		case c&0xC0 != 0x80: // not the continuation of a character
			r.column++
		}
	}
	r.marked = pos
	return r.line, r.column
}

func (r *jsonReader) duplicate(at int, name string) bool {
	r.fail(at, "duplicate", "", "member "+strconv.Quote(shorten(name))+" stands twice in one object")
	return len(r.violations) < duplicatesMax
}

func (r *jsonReader) expected(what string) bool {
	found := "the end of the text"
	if r.pos < len(r.data) {
		char, _ := utf8.DecodeRune(r.data[r.pos:])
		found = strconv.QuoteRune(char)
	}
	return r.fail(r.pos, "syntax", what, "expected "+what+", found "+found)
}

// fail notes a violation at an offset. It returns false for its callers' sake.
func (r *jsonReader) fail(at int, id, expected, message string) bool {
	var c Check
	for _, step := range r.path {
		if step.item {
			step.name = strconv.Itoa(step.i)
		}
		c.Enter(step.name)
	}
	c.Add(id, "", "", expected, message)
	v := c.Violations[0]
	v.Line, v.Column = r.place(at)
	r.violations = append(r.violations, v)
	return false
}
