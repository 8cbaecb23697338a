package base

import (
	"regexp"
	"sync"
)

// Pattern is a regular expression that is compiled at its first use, so that
// a program pays for those that it needs.
type Pattern struct {
	Expression string
	compiled   func() *regexp.Regexp
}

// NewPattern makes a pattern of an expression that the generator has checked.
func NewPattern(expression string) *Pattern {
	return &Pattern{expression, sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })}
}

// Match reports whether the whole text matches; expressions are anchored.
func (p *Pattern) Match(text string) bool { return p.compiled().MatchString(text) }
