package base

import (
	"fmt"
	"strconv"
	"strings"
)

// Violation is one way in which an input breaks a rule.
type Violation struct {
	ID       string `json:"id"`      // stable message id: "missing", "minimum", …
	Message  string `json:"message"` // the sentence composed from constraint, field and unit
	Rule     string `json:"rule"`    // IRI of the property shape or rule
	Pointer  string `json:"pointer"` // RFC 6901 into the value that was read
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`   // from 1
	Column   int    `json:"column,omitempty"` // from 1, in characters
	Expected string `json:"expected,omitempty"`
}

func (v Violation) String() string {
	var place strings.Builder
	if v.File != "" {
		place.WriteString(v.File + ":")
	}
	if v.Line > 0 {
		fmt.Fprintf(&place, "%d:%d:", v.Line, v.Column)
	}
	if place.Len() == 0 && v.Pointer != "" {
		place.WriteString(v.Pointer + ":")
	}
	if place.Len() > 0 {
		place.WriteByte(' ')
	}
	return place.String() + v.Message
}

// Check gathers the violations of one resource. Its path is the place of the
// field under test.
type Check struct {
	Violations []Violation
	path       []string
}

// Enter and Leave move the place one step down and up again.
func (c *Check) Enter(step string) { c.path = append(c.path, step) }
func (c *Check) Leave()            { c.path = c.path[:len(c.path)-1] }

// Pointer is the place of a field as RFC 6901 writes it.
func (c *Check) Pointer(field string) string {
	var b strings.Builder
	for _, step := range c.path {
		b.WriteByte('/')
		b.WriteString(escapePointer(step))
	}
	if field != "" {
		b.WriteByte('/')
		b.WriteString(escapePointer(field))
	}
	return b.String()
}

func escapePointer(s string) string {
	if !strings.ContainsAny(s, "~/") {
		return s
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
}

// Add notes a violation of a field.
func (c *Check) Add(id, field, rule, expected, message string) {
	c.Violations = append(c.Violations, Violation{
		ID: id, Message: message, Rule: rule, Pointer: c.Pointer(field), Expected: expected,
	})
}

// Integer demands a number between two bounds, inclusive.
func (c *Check) Integer(field, rule string, value, low, high int64, syntax Syntax) {
	if value < low {
		c.Add("minimum", field, rule, Quantity(low, syntax),
			fmt.Sprintf("%s must be at least %s, is %s", field, Quantity(low, syntax), Quantity(value, syntax)))
	}
	if value > high {
		c.Add("maximum", field, rule, Quantity(high, syntax),
			fmt.Sprintf("%s must be at most %s, is %s", field, Quantity(high, syntax), Quantity(value, syntax)))
	}
}

// Text demands a string of a length in characters that matches a pattern.
func (c *Check) Text(field, rule, value string, low, high int, pattern *Pattern, scalar string) {
	n := len([]rune(value))
	switch {
	case n < low && n == 0:
		c.Add("empty", field, rule, scalar, field+" is empty")
	case n < low:
		c.Add("length", field, rule, scalar, fmt.Sprintf("%s must have at least %d characters, has %d", field, low, n))
	case n > high:
		c.Add("length", field, rule, scalar, fmt.Sprintf("%s must have at most %d characters, has %d", field, high, n))
	case pattern != nil && !pattern.Match(value):
		c.Add("pattern", field, rule, pattern.Expression,
			fmt.Sprintf("%s %s is not %s", field, strconv.Quote(shorten(value)), scalar))
	}
}

// Items demands a number of values in a set, map or list.
func (c *Check) Items(field, rule string, n, low, high int) {
	if n < low {
		c.Add("minItems", field, rule, strconv.Itoa(low), fmt.Sprintf("%s must have at least %d values, has %d", field, low, n))
	}
	if n > high {
		c.Add("maxItems", field, rule, strconv.Itoa(high), fmt.Sprintf("%s must have at most %d values, has %d", field, high, n))
	}
}

// OneOf demands that exactly one of some fields is present.
func (c *Check) OneOf(rule string, fields []string, present int) {
	if present != 1 {
		c.Add("oneOf", "", rule, strings.Join(fields, " or "),
			fmt.Sprintf("exactly one of %s is needed, found %d", strings.Join(fields, ", "), present))
	}
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return s
}
