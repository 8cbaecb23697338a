package value

import (
	"io"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Regex is a compiled pattern whose work on long texts can be counted and ended
// in between. It is used by one goroutine.
type Regex struct {
	re *regexp.Regexp
	// after finds the same behind a character that it is given to look back at.
	after        *regexp.Regexp
	pattern      string
	instructions int
}

// Meter counts steps of work, each a microsecond at most, and answers false
// when the work must end.
type Meter func(steps int) bool

// NewRegex compiles like CompileRegex.
func NewRegex(pattern, flags string) (*Regex, error) {
	translated, instructions, err := translateRegex(pattern, flags)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, err
	}
	return &Regex{re: re, pattern: translated, instructions: instructions}, nil
}

// Bytes is about how much memory the compiled pattern takes.
func (x *Regex) Bytes() int { return 1024 + 160*x.instructions }

// quick is up to how many steps of the automaton (characters × instructions) a
// text is matched at once, which is some milliseconds; a longer one is read
// through a reader that counts.
const quick = 1 << 18

// Match reports whether the pattern matches somewhere in the text.
func (x *Regex) Match(text string, work Meter) bool {
	if steps := len(text) * x.instructions; steps <= quick {
		return work(1+steps>>7) && x.re.MatchString(text)
	}
	r := x.reader(text, work)
	return x.re.MatchReader(r) && !r.ended
}

// textReader reads a text for an automaton and counts its work.
type textReader struct {
	text  string
	at    int
	cost  int
	work  Meter
	ended bool
}

func (x *Regex) reader(text string, work Meter) *textReader {
	return &textReader{text: text, cost: 1 + x.instructions>>6, work: work}
}

// ReadRune ends the text early when the work must end.
func (r *textReader) ReadRune() (rune, int, error) {
	if r.ended = r.ended || !r.work(r.cost); r.ended || r.at == len(r.text) {
		return 0, 0, io.EOF
	}
	c, width := rune(r.text[r.at]), 1
	if c >= utf8.RuneSelf {
		c, width = utf8.DecodeRuneInString(r.text[r.at:])
	}
	r.at += width
	return c, width, nil
}

// find is the first match in the text from a place on, as pairs of places like
// those of package regexp; ok is false when the work must end.
func (x *Regex) find(text string, from int, work Meter) (match []int, ok bool) {
	if from == 0 {
		r := x.reader(text, work)
		match = x.re.FindReaderSubmatchIndex(r)
		return match, !r.ended
	}
	// Matching goes on behind the last character, which ^ and \b look at: it is
	// read too, by a pattern that passes over one character first.
	if x.after == nil {
		x.after = regexp.MustCompile("(?s:.)(" + x.pattern + ")")
	}
	_, width := utf8.DecodeLastRuneInString(text[:from])
	r := x.reader(text[from-width:], work)
	if match = x.after.FindReaderSubmatchIndex(r); match != nil {
		match = match[2:]
		for i := range match {
			if match[i] >= 0 {
				match[i] += from - width
			}
		}
	}
	return match, !r.ended
}

// matches visits all matches from left to right as package regexp finds them;
// false means that the work must end or that visit wants no more.
func (x *Regex) matches(text string, work Meter, visit func(match []int) bool) bool {
	if steps := len(text) * len(text) * x.instructions; len(text) < 1<<16 && steps <= 8*quick {
		if !work(1 + steps>>7) {
			return false
		}
		for _, match := range x.re.FindAllStringSubmatchIndex(text, -1) {
			if !visit(match) {
				return false
			}
		}
		return true
	}
	end := -1 // of the last match
	for from := 0; from <= len(text); {
		match, ok := x.find(text, from, work)
		if !ok || match == nil {
			return ok
		}
		// An empty match right behind another one does not count.
		if (match[1] > from || match[0] != end) && !visit(match) {
			return false
		}
		if end = match[1]; end > from {
			from = end
			continue
		}
		_, width := utf8.DecodeRuneInString(text[from:])
		from += max(width, 1)
	}
	return true
}

// maxReplacement bounds a replacement, which is taken apart into as many parts.
const maxReplacement = 64 << 10

// Replace is fn:replace: $1 to $9 are groups, \$ and \\ stand for themselves.
// A pattern that matches the empty string is an error.
func (x *Regex) Replace(v Value, replacement string, work Meter) (Value, bool) {
	if !v.IsString() || len(v.term.Value) > MaxString || len(replacement) > maxReplacement || x.re.MatchString("") {
		return Value{}, false
	}
	template, ok := parseReplacement(replacement, x.re.NumSubexp())
	if !ok {
		return Value{}, false
	}
	in := v.term.Value
	var out strings.Builder
	last := 0
	write := func(s string) bool {
		if out.Len()+len(s) > MaxString {
			return false
		}
		out.WriteString(s)
		return work(len(s) >> 8)
	}
	ok = x.matches(in, work, func(match []int) bool {
		if !write(in[last:match[0]]) {
			return false
		}
		last = match[1]
		for _, part := range template {
			text := part.text
			if g := part.group; g >= 0 && match[2*g] >= 0 {
				text = in[match[2*g]:match[2*g+1]]
			}
			if !write(text) {
				return false
			}
		}
		return work(1 + len(template)>>4)
	})
	if !ok || !write(in[last:]) {
		return Value{}, false
	}
	return v.WithText(out.String())
}

// replacementPart is a text, or a group (-1: none).
type replacementPart struct {
	text  string
	group int
}

// parseReplacement takes XPath's replacement apart. A group that the pattern
// does not have is empty.
func parseReplacement(s string, groups int) (parts []replacementPart, ok bool) {
	var text []byte
	flush := func() {
		if len(text) > 0 {
			parts = append(parts, replacementPart{string(text), -1})
			text = text[:0]
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '\\':
			if i++; i == len(s) || s[i] != '\\' && s[i] != '$' {
				return nil, false
			}
			text = append(text, s[i])
		case '$':
			if i++; i == len(s) || s[i] < '0' || s[i] > '9' {
				return nil, false
			}
			if group := int(s[i] - '0'); group <= groups {
				flush()
				parts = append(parts, replacementPart{"", group})
			}
		default:
			text = append(text, c)
		}
	}
	flush()
	return parts, true
}
