package sparql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

// The naive evaluator does what section 18 of the specification says, bottom
// up, with solutions as maps and nested loops, and shares with the engine only
// the parser, the translation to algebra and the values. It is the oracle.

type solution map[string]base.Term

type naive struct {
	defaults []base.Triple
	named    map[base.Term][]base.Triple
	graphs   []base.Term
}

func newNaive(quads []base.Quad) *naive {
	n := &naive{named: map[base.Term][]base.Triple{}}
	for _, q := range quads {
		t := base.Triple{S: q.S, P: q.P, O: q.O}
		if q.G.IsZero() {
			if !slices.Contains(n.defaults, t) {
				n.defaults = append(n.defaults, t)
			}
			continue
		}
		if _, seen := n.named[q.G]; !seen {
			n.graphs = append(n.graphs, q.G)
		}
		if !slices.Contains(n.named[q.G], t) {
			n.named[q.G] = append(n.named[q.G], t)
		}
	}
	return n
}

// merge adds a graph to the default graph.
func (n *naive) merge(graph base.Term) {
	for _, t := range n.named[graph] {
		if !slices.Contains(n.defaults, t) {
			n.defaults = append(n.defaults, t)
		}
	}
}

func compatible(a, b solution) bool {
	for k, v := range a {
		if w, ok := b[k]; ok && w != v {
			return false
		}
	}
	return true
}

func merged(a, b solution) solution {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func (n *naive) eval(op algebra.Op, g []base.Triple) []solution {
	var out []solution
	switch o := op.(type) {
	case *algebra.BGP:
		out = []solution{{}}
		for _, t := range o.Patterns {
			out = n.extendPattern(out, t, g)
		}
	case *algebra.Path:
		out = n.path(o, g)
	case *algebra.Join:
		right := n.eval(o.Right, g)
		for _, a := range n.eval(o.Left, g) {
			for _, b := range right {
				if compatible(a, b) {
					out = append(out, merged(a, b))
				}
			}
		}
	case *algebra.LeftJoin:
		right := n.eval(o.Right, g)
		for _, a := range n.eval(o.Left, g) {
			matched := false
			for _, b := range right {
				if compatible(a, b) && (o.Expr == nil || n.holds(o.Expr, merged(a, b), g)) {
					matched = true
					out = append(out, merged(a, b))
				}
			}
			if !matched {
				out = append(out, a)
			}
		}
	case *algebra.Filter:
		for _, s := range n.eval(o.Input, g) {
			if n.holds(o.Expr, s, g) {
				out = append(out, s)
			}
		}
	case *algebra.Union:
		out = append(n.eval(o.Left, g), n.eval(o.Right, g)...)
	case *algebra.Minus:
		right := n.eval(o.Right, g)
		for _, a := range n.eval(o.Left, g) {
			if !slices.ContainsFunc(right, func(b solution) bool { return compatible(a, b) && overlaps(a, b) }) {
				out = append(out, a)
			}
		}
	case *algebra.Graph:
		out = n.graph(o)
	case *algebra.Extend:
		for _, s := range n.eval(o.Input, g) {
			if v, ok := n.expr(o.Expr, s, g); ok {
				s = merged(s, solution{o.Var: v.Term()})
			}
			out = append(out, s)
		}
	case *algebra.Table:
		for _, row := range o.Rows {
			s := solution{}
			for i, t := range row {
				if !t.IsZero() {
					s[o.Vars[i]] = t
				}
			}
			out = append(out, s)
		}
	case *algebra.Group:
		out = n.group(o, g)
	case *algebra.OrderBy:
		out = n.eval(o.Input, g)
		slices.SortStableFunc(out, func(a, b solution) int {
			for _, k := range o.Keys {
				x, _ := n.expr(k.Expr, a, g)
				y, _ := n.expr(k.Expr, b, g)
				if c := value.Order(x, y); c != 0 {
					if k.Desc {
						return -c
					}
					return c
				}
			}
			return 0
		})
	case *algebra.Project:
		for _, s := range n.eval(o.Input, g) {
			kept := solution{}
			for _, v := range o.Vars {
				if t, ok := s[v]; ok {
					kept[v] = t
				}
			}
			out = append(out, kept)
		}
	case *algebra.Distinct:
		seen := map[string]bool{}
		for _, s := range n.eval(o.Input, g) {
			if k := s.String(); !seen[k] {
				seen[k] = true
				out = append(out, s)
			}
		}
	case *algebra.Slice:
		out = n.eval(o.Input, g)
		out = out[min(o.Offset, len(out)):]
		if o.Limit >= 0 {
			out = out[:min(o.Limit, len(out))]
		}
	default:
		panic(fmt.Sprintf("the naive evaluator does not know %T", op))
	}
	return out
}

func overlaps(a, b solution) bool {
	for k := range a {
		if _, ok := b[k]; ok {
			return true
		}
	}
	return false
}

func (s solution) String() string {
	var parts []string
	for k, v := range s {
		parts = append(parts, k+"="+syntax.TermString(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// bindNode binds or compares one place.
func bindNode(s solution, node syntax.Node, t base.Term) bool {
	if !node.IsVar() {
		return node.Term == t
	}
	if old, ok := s[node.Var]; ok {
		return old == t
	}
	s[node.Var] = t
	return true
}

func (n *naive) extendPattern(in []solution, p algebra.Triple, g []base.Triple) []solution {
	var out []solution
	for _, s := range in {
		for _, t := range g {
			next := maps.Clone(s)
			if bindNode(next, p.S, t.S) && bindNode(next, p.P, t.P) && bindNode(next, p.O, t.O) {
				out = append(out, next)
			}
		}
	}
	return out
}

func (n *naive) graph(o *algebra.Graph) []solution {
	if !o.Name.IsVar() {
		triples, ok := n.named[o.Name.Term]
		if !ok {
			return nil
		}
		return n.eval(o.Input, triples)
	}
	var out []solution
	for _, name := range n.graphs {
		for _, s := range n.eval(o.Input, n.named[name]) {
			if own := (solution{o.Name.Var: name}); compatible(s, own) {
				out = append(out, merged(s, own))
			}
		}
	}
	return out
}

type pair struct{ a, b base.Term }

func (n *naive) path(o *algebra.Path, g []base.Triple) []solution {
	nodes := []base.Term{}
	add := func(t base.Term) {
		if !slices.Contains(nodes, t) {
			nodes = append(nodes, t)
		}
	}
	for _, t := range g {
		add(t.S)
		add(t.O)
	}
	// A term of the pattern takes part in ways of no steps though it is not in
	// the graph; only such a way can reach it.
	for _, place := range []syntax.Node{o.S, o.O} {
		if !place.IsVar() {
			add(place.Term)
		}
	}
	var out []solution
	for _, x := range steps(o.Path, nodes, g) {
		s := solution{}
		if bindNode(s, o.S, x.a) && bindNode(s, o.O, x.b) {
			out = append(out, s)
		}
	}
	return out
}

func steps(path syntax.Path, nodes []base.Term, g []base.Triple) []pair {
	var out []pair
	switch p := path.(type) {
	case syntax.PathIRI:
		for _, t := range g {
			if t.P == p.IRI {
				out = append(out, pair{t.S, t.O})
			}
		}
	case syntax.PathInverse:
		for _, x := range steps(p.Path, nodes, g) {
			out = append(out, pair{x.b, x.a})
		}
	case syntax.PathSequence:
		right := steps(p.Right, nodes, g)
		for _, x := range steps(p.Left, nodes, g) {
			for _, y := range right {
				if x.b == y.a {
					out = append(out, pair{x.a, y.b})
				}
			}
		}
	case syntax.PathAlternative:
		out = append(steps(p.Left, nodes, g), steps(p.Right, nodes, g)...)
	case syntax.PathNegated:
		for _, t := range g {
			if (len(p.Forward) > 0 || len(p.Inverse) == 0) && !slices.Contains(p.Forward, t.P) {
				out = append(out, pair{t.S, t.O})
			}
			if len(p.Inverse) > 0 && !slices.Contains(p.Inverse, t.P) {
				out = append(out, pair{t.O, t.S})
			}
		}
	case syntax.PathRepeat:
		out = closure(p, nodes, steps(p.Path, nodes, g))
	}
	return out
}

func closure(p syntax.PathRepeat, nodes []base.Term, one []pair) []pair {
	set := map[pair]bool{}
	for _, x := range one {
		set[x] = true
	}
	for grown := p.Many; grown; {
		grown = false
		for x := range maps.Clone(set) {
			for _, y := range one {
				if next := (pair{x.a, y.b}); x.b == y.a && !set[next] {
					set[next] = true
					grown = true
				}
			}
		}
	}
	if p.Min == 0 {
		for _, t := range nodes {
			set[pair{t, t}] = true
		}
	}
	return slices.Collect(maps.Keys(set))
}

func (n *naive) group(o *algebra.Group, g []base.Triple) []solution {
	groups := map[string][]solution{}
	keys := map[string]solution{}
	var order []string
	for _, s := range n.eval(o.Input, g) {
		key := solution{}
		for _, k := range o.Keys {
			if v, ok := n.expr(k.Expr, s, g); ok {
				key[k.Var] = v.Term()
			}
		}
		name := key.String()
		if _, seen := keys[name]; !seen {
			keys[name] = key
			order = append(order, name)
		}
		groups[name] = append(groups[name], s)
	}
	if len(o.Keys) == 0 && len(order) == 0 {
		order, keys[""] = []string{""}, solution{}
	}
	var out []solution
	for _, name := range order {
		s := maps.Clone(keys[name])
		for _, b := range o.Aggregates {
			if v, ok := n.aggregate(b.Expr.(syntax.Aggregate), groups[name], g); ok {
				s[b.Var] = v.Term()
			}
		}
		out = append(out, s)
	}
	return out
}

func (n *naive) aggregate(a syntax.Aggregate, rows []solution, g []base.Triple) (value.Value, bool) {
	var values []value.Value
	failed := false
	seen := map[string]bool{}
	for _, s := range rows {
		v, ok, key := value.Int(0), true, s.String()
		if a.Arg != nil {
			v, ok = n.expr(a.Arg, s, g)
			key = syntax.TermString(v.Term())
		}
		if !ok {
			failed = true
			continue
		}
		if a.Distinct && seen[key] {
			continue
		}
		seen[key] = true
		values = append(values, v)
	}
	switch a.Name {
	case "COUNT":
		return value.Int(int64(len(values))), true
	case "SUM":
		sum := value.Int(0)
		for _, v := range values {
			next, ok := value.Arithmetic('+', sum, v)
			if !ok {
				return value.Value{}, false
			}
			sum = next
		}
		return sum, !failed
	case "MIN", "MAX":
		if len(values) == 0 {
			return value.Value{}, false
		}
		slices.SortStableFunc(values, value.Order)
		if a.Name == "MIN" {
			return values[0], true
		}
		return values[len(values)-1], true
	}
	panic("the naive evaluator does not know " + a.Name)
}
