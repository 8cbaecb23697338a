package algebra

import (
	"slices"
	"strconv"

	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// translator numbers the variables that the translation invents.
type translator struct{ fresh int }

func (t *translator) name(prefix string) string {
	t.fresh++
	return "." + prefix + strconv.Itoa(t.fresh)
}

// Translate gives the algebra of a query (sections 18.2.2 to 18.2.5). For
// CONSTRUCT and DESCRIBE it is that of the pattern with its modifiers.
func Translate(q *syntax.Query) Op {
	t := &translator{}
	return t.query(q)
}

func (t *translator) query(q *syntax.Query) Op {
	op := Unit()
	if q.Where != nil {
		op = t.group(q.Where)
	}
	projection, having, order := q.Projection, q.Having, q.OrderBy
	if q.Grouped() {
		op, projection, having, order = t.grouping(q, op)
	}
	for _, e := range having {
		op = &Filter{Expr: t.expr(e), Input: op}
	}
	if q.Values != nil {
		op = join(op, table(q.Values))
	}
	for _, item := range projection {
		if item.Expr != nil {
			op = &Extend{Input: op, Var: item.Var, Expr: t.expr(item.Expr)}
		}
	}
	return t.modifiers(q, op, projection, order)
}

// modifiers applies ORDER BY, projection, DISTINCT and LIMIT in that order
// (section 18.2.5).
func (t *translator) modifiers(q *syntax.Query, op Op, projection []syntax.Projection, order []syntax.OrderKey) Op {
	if len(order) > 0 {
		keys := make([]syntax.OrderKey, len(order))
		for i, k := range order {
			keys[i] = syntax.OrderKey{Expr: t.expr(k.Expr), Desc: k.Desc}
		}
		op = &OrderBy{Input: op, Keys: keys}
	}
	if q.Form == syntax.Select {
		op = &Project{Input: op, Vars: names(projection)}
	}
	switch {
	case q.Distinct:
		op = &Distinct{Input: op}
	case q.Reduced:
		op = &Reduced{Input: op}
	}
	if q.Limit >= 0 || q.Offset > 0 {
		op = &Slice{Input: op, Offset: q.Offset, Limit: q.Limit}
	}
	return op
}

func names(projection []syntax.Projection) []string {
	seen := map[string]bool{}
	var vars []string
	for _, item := range projection {
		if !seen[item.Var] {
			seen[item.Var] = true
			vars = append(vars, item.Var)
		}
	}
	return vars
}

func table(d *syntax.InlineData) Op { return &Table{Vars: d.Vars, Rows: d.Rows} }

// join leaves out the neutral element (section 18.2.2.8).
func join(left, right Op) Op {
	switch {
	case IsUnit(left):
		return right
	case IsUnit(right):
		return left
	}
	return &Join{Left: left, Right: right}
}

// group translates a group graph pattern (section 18.2.2.6). Its filters apply
// to all of it, wherever they stand (18.2.2.2), and do not part the triple
// patterns around them.
func (t *translator) group(g *syntax.Group) Op {
	op := Unit()
	var filters []syntax.Expr
	var triples []syntax.Triple
	flush := func() {
		op = join(op, t.triples(triples))
		triples = nil
	}
	for _, element := range g.Elements {
		switch e := element.(type) {
		case *syntax.Filter:
			filters = append(filters, t.expr(e.Expr))
			continue
		case *syntax.Triples:
			if triples == nil { // nearly always there is one run of them
				triples = slices.Clip(e.Patterns)
			} else {
				triples = append(triples, e.Patterns...)
			}
			continue
		}
		flush()
		switch e := element.(type) {
		case *syntax.Optional:
			op = t.optional(op, e)
		case *syntax.Minus:
			op = &Minus{Left: op, Right: t.group(e.Group)}
		case *syntax.Bind:
			op = &Extend{Input: op, Var: e.Var, Expr: t.expr(e.Expr)}
		default:
			op = join(op, t.element(e))
		}
	}
	flush()
	for _, f := range filters {
		op = &Filter{Expr: f, Input: op}
	}
	return op
}

// optional takes the filters of the optional group itself, which group has put
// outermost, as the condition of the left join.
func (t *translator) optional(left Op, e *syntax.Optional) Op {
	right := t.group(e.Group)
	var condition syntax.Expr
	for _, element := range e.Group.Elements {
		if _, is := element.(*syntax.Filter); !is {
			continue
		}
		f := right.(*Filter)
		right = f.Input
		if condition == nil {
			condition = f.Expr
		} else {
			condition = syntax.Call{Op: "&&", Args: []syntax.Expr{f.Expr, condition}}
		}
	}
	return &LeftJoin{Left: left, Right: right, Expr: condition}
}

func (t *translator) element(e syntax.Element) Op {
	switch e := e.(type) {
	case *syntax.Group:
		return t.group(e)
	case *syntax.Union:
		op := t.group(e.Groups[0])
		for _, g := range e.Groups[1:] {
			op = &Union{Left: op, Right: t.group(g)}
		}
		return op
	case *syntax.Graph:
		return &Graph{Name: e.Name, Input: t.group(e.Group)}
	case *syntax.Service:
		return &Service{Name: e.Name, Silent: e.Silent, At: e.Pos.String()}
	case *syntax.InlineData:
		return table(e)
	case *syntax.SubSelect:
		return t.query(e.Query)
	}
	return Unit()
}

// triples gathers adjacent triple patterns into one basic graph pattern and
// joins the paths between them (section 18.2.2.5).
func (t *translator) triples(patterns []syntax.Triple) Op {
	op, bgp := Unit(), &BGP{}
	flush := func() {
		op = join(op, bgp)
		bgp = &BGP{}
	}
	for _, p := range patterns {
		if p.Path == nil {
			if bgp.Patterns == nil {
				bgp.Patterns = make([]Triple, 0, min(len(patterns), 4))
			}
			bgp.Patterns = append(bgp.Patterns, Triple{p.S, p.P, p.O})
			continue
		}
		switch path := t.path(p.S, p.Path, p.O).(type) {
		case *BGP:
			bgp.Patterns = append(bgp.Patterns, path.Patterns...)
		default:
			flush()
			op = join(op, path)
		}
	}
	flush()
	return op
}

// path takes apart what section 18.2.2.4 takes apart: predicates, inverses and
// sequences.
func (t *translator) path(s syntax.Node, path syntax.Path, o syntax.Node) Op {
	switch path := path.(type) {
	case syntax.PathIRI:
		return &BGP{Patterns: []Triple{{s, syntax.Node{Term: path.IRI}, o}}}
	case syntax.PathInverse:
		return t.path(o, path.Path, s)
	case syntax.PathSequence:
		middle := syntax.Node{Var: t.name("step")}
		left, right := t.path(s, path.Left, middle), t.path(middle, path.Right, o)
		a, isA := left.(*BGP)
		b, isB := right.(*BGP)
		if isA && isB {
			a.Patterns = append(a.Patterns, b.Patterns...)
			return a
		}
		return &Join{Left: left, Right: right}
	}
	return &Path{S: s, Path: path, O: o}
}

// expr replaces the groups of EXISTS by their algebra.
func (t *translator) expr(e syntax.Expr) syntax.Expr {
	return syntax.Rewrite(e, func(e syntax.Expr) syntax.Expr {
		if x, is := e.(syntax.ExistsGroup); is {
			return Exists{Not: x.Not, Input: t.group(x.Group)}
		}
		return e
	})
}

// grouping translates GROUP BY and the aggregates (section 18.2.4.1). Each
// distinct aggregate gets a variable, which takes its place in the expressions.
// A plain variable outside an aggregate is a key of the group.
func (t *translator) grouping(q *syntax.Query, op Op) (Op, []syntax.Projection, []syntax.Expr, []syntax.OrderKey) {
	g := &Group{Input: op}
	for _, k := range q.GroupBy {
		name := k.Var
		if name == "" {
			name = t.name("key")
		}
		g.Keys = append(g.Keys, Binding{Var: name, Expr: t.expr(k.Expr)})
	}
	known := map[string]string{}
	lift := func(e syntax.Expr) syntax.Expr {
		return syntax.Rewrite(e, func(e syntax.Expr) syntax.Expr {
			a, is := e.(syntax.Aggregate)
			if !is {
				return e
			}
			name, seen := known[a.String()]
			if !seen {
				name = t.name("agg")
				if !containsExists(a) {
					known[a.String()] = name
				}
				if a.Arg != nil {
					a.Arg = t.expr(a.Arg)
				}
				g.Aggregates = append(g.Aggregates, Binding{Var: name, Expr: a})
			}
			return syntax.Var(name)
		})
	}
	projection := make([]syntax.Projection, len(q.Projection))
	for i, item := range q.Projection {
		projection[i] = item
		if item.Expr != nil {
			projection[i].Expr = lift(item.Expr)
		}
	}
	having := make([]syntax.Expr, len(q.Having))
	for i, e := range q.Having {
		having[i] = lift(e)
	}
	order := make([]syntax.OrderKey, len(q.OrderBy))
	for i, k := range q.OrderBy {
		order[i] = syntax.OrderKey{Expr: lift(k.Expr), Desc: k.Desc}
	}
	return g, projection, having, order
}

// containsExists reports an EXISTS, whose printed form does not tell it from
// another.
func containsExists(e syntax.Expr) bool {
	found := false
	syntax.Walk(e, func(e syntax.Expr) {
		if _, is := e.(syntax.ExistsGroup); is {
			found = true
		}
	})
	return found
}
