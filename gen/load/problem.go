package load

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Place is where something stands in a file; line and column count from 1.
type Place struct {
	File         string
	Line, Column int
}

func (p Place) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Compare orders places by file, line and column.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Problem is one thing that is wrong with an ontology: where, what, and what
// to do about it.
type Problem struct {
	Place
	Message string
}

func (p Problem) String() string {
	if p.File == "" {
		return p.Message
	}
	return p.Place.String() + ": " + p.Message
}

// Problems is all that is wrong, as an error.
type Problems []Problem

// Sorted orders problems by place, then message, and drops repetitions.
func (ps Problems) Sorted() Problems {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Place.Compare(b.Place), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps)
}

// Err is nil when there is no problem.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (ps Problems) Error() string {
	var b strings.Builder
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}
