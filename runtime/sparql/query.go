package sparql

import (
	"context"
	"errors"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Form is the form of a query.
type Form = syntax.Form

// The query forms (section 16).
const (
	Select    = syntax.Select
	Construct = syntax.Construct
	Describe  = syntax.Describe
	Ask       = syntax.Ask
)

// Options of Parse.
type Options struct {
	// Base is the IRI that relative IRIs of the query are resolved against.
	Base string
	// MaxBytes bounds the text; default 1 MiB.
	MaxBytes int
}

// Query is a parsed query. It is immutable: any number of goroutines may
// execute it at once.
type Query struct {
	tree *syntax.Query
	op   algebra.Op
	tune tuning
}

// Parse reads a SPARQL 1.1 query. Its error is an *Error with CodeSyntax.
func Parse(text string, o Options) (*Query, error) {
	tree, err := syntax.Parse(text, syntax.Options{Base: o.Base, MaxBytes: o.MaxBytes})
	if err != nil {
		var where *syntax.Error
		if errors.As(err, &where) {
			return nil, &Error{Code: CodeSyntax, Message: where.Error(), Syntax: where}
		}
		return nil, errorf(CodeSyntax, "%v", err)
	}
	return &Query{tree: tree, op: algebra.Translate(tree)}, nil
}

// Form is the form of the query.
func (q *Query) Form() Form { return q.tree.Form }

// Algebra prints the algebra of the query, before any optimisation.
func (q *Query) Algebra() string { return algebra.String(q.op) }

// From are the graphs of FROM and of FROM NAMED.
func (q *Query) From() (merged, named []string) { return q.tree.From, q.tree.FromNamed }

// WithDataset is the query with other graphs in the place of FROM and FROM
// NAMED, as default-graph-uri and named-graph-uri of the protocol ask (SPARQL
// 1.1 Protocol, section 2.1.4).
func (q *Query) WithDataset(merged, named []string) *Query {
	tree := *q.tree
	tree.From, tree.FromNamed = merged, named
	return &Query{tree: &tree, op: q.op, tune: q.tune}
}

// Execute starts a query on a dataset. The answer of ASK is computed at once;
// the rows of the other forms are computed while they are read. ctx ends the
// execution, also while rows are read. The error is an *Error.
func Execute(ctx context.Context, q *Query, d Dataset, l Limits) (*Result, error) {
	return start(ctx, q, d, l, false)
}

func start(ctx context.Context, q *Query, d Dataset, l Limits, explain bool) (*Result, error) {
	if d.Snapshot == nil {
		d.Snapshot = rdf.NewStore().Snapshot()
	}
	d = d.narrow(q.tree.From, q.tree.FromNamed)
	l = l.withDefaults()
	e := newExec(ctx, d, l)
	e.explain, e.tune = explain, q.tune
	e.check()
	p := &planner{e: e}
	s := &scope{p: p}
	root := place{scope: s, limit: -1, streams: q.tree.Form == Select, runs: 1}
	if q.tree.Form == Ask {
		root.first = 1
	}
	r := &Result{Form: q.tree.Form, exec: e, planner: p, scope: s}
	r.Vars, r.slots = make([]string, 0, len(q.tree.Projection)), make([]int, 0, len(q.tree.Projection))
	for _, item := range q.tree.Projection {
		r.addVar(item.Var)
	}
	r.template(q.tree.Template)
	r.described(q.tree.Describe)
	if levels(q.op) > e.limits.MaxDepth { // before time is spent on each of them
		e.fail(errorf(CodeOverBudget, "the query nests more than %d operators", e.limits.MaxDepth))
	}
	r.root = p.plan(q.op, root, nil)
	if q.tree.Form == Ask && e.err == nil {
		r.root.run(e, make(row, p.width), func(row) bool {
			r.Boolean = true
			return false
		})
	}
	if e.err != nil || q.tree.Form == Ask {
		r.Close()
	}
	if e.err != nil {
		return nil, e.err
	}
	return r, nil
}

// levels is how deep operators nest, at least, when they are planned.
func levels(op algebra.Op) int {
	deepest := 0
	for _, in := range algebra.Inputs(op) {
		deepest = max(deepest, levels(in))
	}
	switch op.(type) {
	case *algebra.LeftJoin, *algebra.Minus, *algebra.Union:
		deepest++
	}
	return deepest
}

// addVar names a column of the result.
func (r *Result) addVar(name string) {
	if slices.Contains(r.Vars, name) {
		return
	}
	r.Vars = append(r.Vars, name)
	r.slots = append(r.slots, r.scope.slot(name))
}

// template places the nodes of a CONSTRUCT template.
func (r *Result) template(triples []syntax.Triple) {
	for _, t := range triples {
		var places [3]templatePlace
		for i, n := range []syntax.Node{t.S, t.P, t.O} {
			switch {
			case n.IsVar():
				places[i].slot = r.scope.slot(n.Var)
			case n.Term.Kind == base.BlankTerm:
				places[i] = templatePlace{slot: -1, blank: n.Term.Value}
			default:
				places[i] = templatePlace{slot: -1, id: r.exec.intern(n.Term)}
			}
		}
		r.triples = append(r.triples, places)
	}
}

func (r *Result) described(nodes []syntax.Node) {
	for _, n := range nodes {
		r.resources = append(r.resources, r.planner.ref(n, r.scope))
	}
}
