package base

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
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
	// Resource is the one under test: keys of maps are short from it.
	Resource Ref

	path []string
}

// Enter and Leave move the place one step down and up again.
func (c *Check) Enter(step string) { c.path = append(c.path, step) }
func (c *Check) Leave()            { c.path = c.path[:len(c.path)-1] }

// EnterKey enters a member of a map that is keyed by references.
func (c *Check) EnterKey(key Ref, inBoth bool) { c.Enter(key.Short(c.Resource, inBoth)) }

// Pointer is the place of a field as RFC 6901 writes it.
func (c *Check) Pointer(field string) string { return pointer(c.path, field) }

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

// flaw notes a violation where nothing is wrong yet: a value that could not be
// read need not be measured too.
func (c *Check) flaw(id, field, rule, expected, message string) {
	place := c.Pointer(field)
	for i := range c.Violations {
		if c.Violations[i].Pointer == place {
			return
		}
	}
	c.Add(id, field, rule, expected, message)
}

// Integer demands a number between two bounds, inclusive.
func (c *Check) Integer(field, rule string, value, low, high int64, syntax Syntax) {
	if value < low {
		c.flaw("minimum", field, rule, Quantity(low, syntax),
			fmt.Sprintf("%s must be at least %s, is %s", field, Quantity(low, syntax), Quantity(value, syntax)))
	}
	if value > high {
		c.flaw("maximum", field, rule, Quantity(high, syntax),
			fmt.Sprintf("%s must be at most %s, is %s", field, Quantity(high, syntax), Quantity(value, syntax)))
	}
}

// Integers demands the same of every value of a set or list.
func (c *Check) Integers(field, rule string, values []int64, low, high int64, syntax Syntax) {
	c.Enter(field)
	for i, value := range values {
		c.Integer(strconv.Itoa(i), rule, value, low, high, syntax)
	}
	c.Leave()
}

// Text demands a string of a length in characters that matches a pattern;
// phrase says what that is: "a lower-case name that DNS can carry".
func (c *Check) Text(field, rule, value string, low, high int, pattern *Pattern, phrase string) {
	c.text(field, field, rule, value, low, high, pattern, phrase)
}

// Key demands the same of the key of a map.
func (c *Check) Key(key, rule string, low, high int, pattern *Pattern, phrase string) {
	c.text(key, "key", rule, key, low, high, pattern, phrase)
}

// Texts demands the same of every value of a set or list.
func (c *Check) Texts(field, rule string, values []string, low, high int, pattern *Pattern, phrase string) {
	c.Enter(field)
	for i, value := range values {
		item := strconv.Itoa(i)
		c.text(item, field+"["+item+"]", rule, value, low, high, pattern, phrase)
	}
	c.Leave()
}

func (c *Check) text(step, name, rule, value string, low, high int, pattern *Pattern, phrase string) {
	n := utf8.RuneCountInString(value)
	switch {
	case n < low && n == 0:
		c.flaw("empty", step, rule, phrase, name+" is empty")
	case n < low:
		c.flaw("length", step, rule, phrase, fmt.Sprintf("%s must have at least %d characters, has %d", name, low, n))
	case n > high:
		c.flaw("length", step, rule, phrase, fmt.Sprintf("%s must have at most %d characters, has %d", name, high, n))
	case pattern != nil && !pattern.Match(value):
		c.flaw("pattern", step, rule, pattern.Expression,
			fmt.Sprintf("%s %s is not %s", name, strconv.Quote(shorten(value)), phrase))
	}
}

// Sensitive demands a length of a value that is not sealed yet, and shows
// nothing else of it.
func (c *Check) Sensitive(field, rule string, value Sensitive, low, high int) {
	if value.Clear != nil {
		c.text(field, field, rule, string(value.Clear), low, high, nil, "")
	}
}

// Sensitives demands the same of every value of a map.
func (c *Check) Sensitives(field, rule string, values map[string]Sensitive, low, high int) {
	c.Enter(field)
	for key, value := range Sorted(values) {
		c.Sensitive(key, rule, value, low, high)
	}
	c.Leave()
}

// Items demands a number of values in a set, map or list.
func (c *Check) Items(field, rule string, n, low, high int) {
	if n < low {
		c.flaw("minItems", field, rule, strconv.Itoa(low), fmt.Sprintf("%s must have at least %d values, has %d", field, low, n))
	}
	if n > high {
		c.flaw("maxItems", field, rule, strconv.Itoa(high), fmt.Sprintf("%s must have at most %d values, has %d", field, high, n))
	}
}

// OneOf demands that exactly one of some fields is present. One that could not
// be read was meant to be.
func (c *Check) OneOf(rule string, fields []string, present int) {
	if present == 1 || present == 0 && slices.ContainsFunc(fields, c.flawed) {
		return
	}
	c.flaw("oneOf", "", rule, strings.Join(fields, " or "),
		fmt.Sprintf("exactly one of %s is needed, found %d", strings.Join(fields, ", "), present))
}

// flawed reports whether something is wrong with a field already.
func (c *Check) flawed(field string) bool {
	place := c.Pointer(field)
	return slices.ContainsFunc(c.Violations, func(v Violation) bool { return v.Pointer == place })
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "…"
	}
	return s
}
