package expr

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/plan"
)

// Rule is the IRI of a property shape as an expression.
func Rule(f *plan.Field) string { return IRI(f.Shape) }

// IRI is an IRI as an expression, short where it is one of ours.
func IRI(s string) string {
	if rest, ok := strings.CutPrefix(s, base.Ontology); ok {
		return fmt.Sprintf("base.Ontology+%q", rest)
	}
	if rest, ok := strings.CutPrefix(s, base.Meta); ok {
		return fmt.Sprintf("base.Meta+%q", rest)
	}
	return fmt.Sprintf("%q", s)
}

// Given is the condition under which a field has a value, "" for always.
func Given(f *plan.Field, of string) string {
	x := of + "." + f.Go
	switch {
	case f.Sensitive && f.Form == base.Single:
		return "!" + x + ".IsZero()"
	case f.Form != base.Single:
		return "len(" + x + ") > 0"
	case f.Pointer:
		return x + " != nil"
	case f.Required, f.GoDefault != "":
		return ""
	case f.Type == base.TypeDateTime:
		return x + " != 0"
	}
	return x + ` != ""`
}

// Value is the expression of a single value that is given.
func Value(f *plan.Field, of string) string {
	if f.Pointer && f.Type != base.TypeObject {
		return "*" + of + "." + f.Go
	}
	return of + "." + f.Go
}

// InBoth reports whether what a key refers to lives in products and in the
// cluster.
func InBoth(f *plan.Field) bool {
	for _, k := range f.Target.Kinds {
		if k.InProduct && k.InCluster {
			return true
		}
	}
	return false
}

// Quoted is a list of texts as arguments.
func Quoted(texts []string) string {
	var q []string
	for _, t := range texts {
		q = append(q, fmt.Sprintf("%q", t))
	}
	return strings.Join(q, ", ")
}
