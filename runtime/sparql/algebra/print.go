package algebra

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// String prints op as an indented tree.
func String(op Op) string {
	var b strings.Builder
	write(&b, op, 0)
	return b.String()
}

// Line prints op on one line.
func Line(op Op) string {
	return strings.Join(strings.Fields(String(op)), " ")
}

func write(b *strings.Builder, op Op, depth int) {
	fmt.Fprintf(b, "%s%s\n", strings.Repeat("  ", depth), Label(op))
	for _, child := range Inputs(op) {
		write(b, child, depth+1)
	}
}

// Inputs are the operators that op takes its rows from.
func Inputs(op Op) []Op {
	switch o := op.(type) {
	case *Join:
		return []Op{o.Left, o.Right}
	case *LeftJoin:
		return []Op{o.Left, o.Right}
	case *Union:
		return []Op{o.Left, o.Right}
	case *Minus:
		return []Op{o.Left, o.Right}
	case *Filter:
		return []Op{o.Input}
	case *Graph:
		return []Op{o.Input}
	case *Extend:
		return []Op{o.Input}
	case *Group:
		return []Op{o.Input}
	case *OrderBy:
		return []Op{o.Input}
	case *Project:
		return []Op{o.Input}
	case *Distinct:
		return []Op{o.Input}
	case *Reduced:
		return []Op{o.Input}
	case *Slice:
		return []Op{o.Input}
	}
	return nil
}

// Label is the operator with its arguments, without its inputs.
func Label(op Op) string {
	switch o := op.(type) {
	case *BGP:
		lines := make([]string, len(o.Patterns))
		for i, t := range o.Patterns {
			lines[i] = t.String()
		}
		return "BGP { " + strings.Join(lines, " . ") + " }"
	case *Path:
		return "Path " + o.S.String() + " " + PathString(o.Path) + " " + o.O.String()
	case *Join:
		return "Join"
	case *LeftJoin:
		if o.Expr == nil {
			return "LeftJoin"
		}
		return "LeftJoin " + o.Expr.String()
	case *Union:
		return "Union"
	case *Minus:
		return "Minus"
	case *Filter:
		return "Filter " + o.Expr.String()
	case *Graph:
		return "Graph " + o.Name.String()
	case *Extend:
		return "Extend ?" + o.Var + " := " + o.Expr.String()
	case *Table:
		return fmt.Sprintf("Table ?%s (%d rows)", strings.Join(o.Vars, " ?"), len(o.Rows))
	case *Group:
		return "Group by " + bindings(o.Keys) + " computing " + bindings(o.Aggregates)
	case *OrderBy:
		return "OrderBy " + orderKeys(o.Keys)
	case *Project:
		return "Project ?" + strings.Join(o.Vars, " ?")
	case *Distinct:
		return "Distinct"
	case *Reduced:
		return "Reduced"
	case *Slice:
		return fmt.Sprintf("Slice offset %d limit %d", o.Offset, o.Limit)
	case *Service:
		return "Service " + o.Name.String()
	}
	return fmt.Sprintf("%T", op)
}

func bindings(list []Binding) string {
	parts := make([]string, len(list))
	for i, b := range list {
		parts[i] = "?" + b.Var + " := " + b.Expr.String()
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

func orderKeys(keys []syntax.OrderKey) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.Expr.String()
		if k.Desc {
			parts[i] = "DESC " + parts[i]
		}
	}
	return strings.Join(parts, ", ")
}

func (t Triple) String() string {
	return t.S.String() + " " + t.P.String() + " " + t.O.String()
}

// PathString writes a property path.
func PathString(p syntax.Path) string {
	switch p := p.(type) {
	case syntax.PathIRI:
		return syntax.TermString(p.IRI)
	case syntax.PathInverse:
		return "^" + PathString(p.Path)
	case syntax.PathSequence:
		return "(" + PathString(p.Left) + "/" + PathString(p.Right) + ")"
	case syntax.PathAlternative:
		return "(" + PathString(p.Left) + "|" + PathString(p.Right) + ")"
	case syntax.PathRepeat:
		sign := "?"
		if p.Many {
			sign = []string{"*", "+"}[p.Min]
		}
		return "(" + PathString(p.Path) + ")" + sign
	case syntax.PathNegated:
		var parts []string
		for _, iri := range p.Forward {
			parts = append(parts, syntax.TermString(iri))
		}
		for _, iri := range p.Inverse {
			parts = append(parts, "^"+syntax.TermString(iri))
		}
		return "!(" + strings.Join(parts, "|") + ")"
	}
	return ""
}
