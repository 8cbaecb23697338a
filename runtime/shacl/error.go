package shacl

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// errFound stops the search for places.
var errFound = errors.New("found")

// Problem is one thing that is wrong with shapes, or one notice about them.
type Problem struct {
	Place   Place // zero where the graph came from no text
	Shape   base.Term
	Message string // says what was expected and what to write
}

func (p *Problem) Error() string {
	if p.Place.Line == 0 {
		return p.Message
	}
	return p.Place.String() + ": " + p.Message
}

// Problems are all that is wrong with shapes, in the order in which they were
// found. They are at most 100.
type Problems []*Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func (p Problems) sort() {
	slices.SortStableFunc(p, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(a.Place.File, b.Place.File), cmp.Compare(a.Place.Line, b.Place.Line), cmp.Compare(a.Place.Col, b.Place.Col))
	})
}

// Code says why a validation has no verdict.
type Code uint8

// The codes.
const (
	// CodeRecursion: shapes ask about a node while they answer about it.
	CodeRecursion Code = iota + 1
	// CodeDepth: shapes lead to shapes deeper than Limits.Depth.
	CodeDepth
	// CodeMemory: more is held than Limits.Nodes.
	CodeMemory
)

// Error is a validation that ended without a verdict. One that its context
// ended returns the context's cause instead.
type Error struct {
	Code   Code
	Detail string
}

func (e *Error) Error() string { return e.Detail }

// syntaxError puts the name of the file before each error of a parser.
func syntaxError(file string, err error) error {
	var several rdf.Errors
	var one *rdf.SyntaxError
	switch {
	case errors.As(err, &several):
	case errors.As(err, &one):
		several = rdf.Errors{one}
	default:
		return fmt.Errorf("%s: %w", file, err)
	}
	problems := make(Problems, len(several))
	for i, e := range several {
		problems[i] = &Problem{Place: Place{file, e.Pos}, Message: e.Msg}
	}
	return problems
}
