package sparql

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/picloud/picloud/runtime/sparql/algebra"
)

// Explanation tells how a query was answered. Its numbers count what the caller
// may read and nothing else.
type Explanation struct {
	// Algebra is that of section 18, before any optimisation, one operator a line.
	Algebra string `json:"algebra"`
	// Plan is what ran; its root is the form of the query.
	Plan *Operator `json:"plan"`
	// PlanningMs and TotalMs are milliseconds, reading the result included.
	PlanningMs float64 `json:"planningMilliseconds"`
	TotalMs    float64 `json:"totalMilliseconds"`
}

// Operator is one operator of a plan. Inputs stand in the order in which they
// run: each runs for every row of those before it, unless it is the kept side
// of a hash join, which runs once.
type Operator struct {
	Operator string `json:"operator"`
	// Estimate is how many rows were expected in all, nil where nothing was.
	Estimate *float64 `json:"estimatedRows,omitempty"`
	Rows     int      `json:"rows"`
	Runs     int      `json:"runs"`
	// Ms is the operator's own time without that of its inputs and of those who
	// take its rows.
	Ms     float64     `json:"milliseconds"`
	Inputs []*Operator `json:"inputs,omitempty"`
}

// Explain runs a query to its end and tells how. The error is an *Error.
func Explain(ctx context.Context, q *Query, d Dataset, l Limits) (*Explanation, error) {
	began := time.Now()
	r, err := start(ctx, q, d, l, true)
	if err != nil {
		return nil, err
	}
	planned := time.Since(began)
	root := &Operator{Operator: q.tree.Form.String(), Runs: 1}
	switch r.Form {
	case Ask:
		root.Rows = 1
	case Select:
		for _, err := range r.Rows() {
			if err != nil {
				return nil, err
			}
			root.Rows++
		}
	default:
		for _, err := range r.Quads() {
			if err != nil {
				return nil, err
			}
			root.Rows++
		}
	}
	total := time.Since(began)
	root.Inputs = operators(r.root)
	root.Ms = milliseconds(total - planned)
	for _, in := range root.Inputs {
		root.Ms -= in.whole()
	}
	root.Ms = max(0, root.Ms)
	return &Explanation{Algebra: q.Algebra(), Plan: root, PlanningMs: milliseconds(planned), TotalMs: milliseconds(total)}, nil
}

func milliseconds(d time.Duration) float64 { return math.Round(float64(d.Nanoseconds())/1e3) / 1e3 }

// whole is the time of an operator with its inputs.
func (o *Operator) whole() float64 {
	ms := o.Ms
	for _, in := range o.Inputs {
		ms += in.whole()
	}
	return ms
}

// String is the explanation for people: the algebra, then a line for each
// operator, inputs indented below it.
func (x *Explanation) String() string {
	var b strings.Builder
	b.WriteString(x.Algebra)
	fmt.Fprintf(&b, "\n%10s %12s %12s %10s\n", "ms", "rows", "expected", "runs")
	x.Plan.print(&b, 0)
	fmt.Fprintf(&b, "%10.3f in all, of which planning %.3f\n", x.TotalMs, x.PlanningMs)
	return b.String()
}

func (o *Operator) print(b *strings.Builder, depth int) {
	estimate := ""
	if o.Estimate != nil {
		estimate = fmt.Sprintf("%.0f", *o.Estimate)
	}
	fmt.Fprintf(b, "%10.3f %12d %12s %10d  %s%s\n", o.Ms, o.Rows, estimate, o.Runs, strings.Repeat("  ", depth), o.Operator)
	for _, in := range o.Inputs {
		in.print(b, depth+1)
	}
}

// traceNode counts the rows of the operator that it wraps.
type traceNode struct {
	input node
	label string
	// estimate is rows in all, -1 if none was made.
	estimate float64
	clock    *stopwatch
	runs     int
	rows     int
	spent    time.Duration
}

func (n *traceNode) inputs() []node { return []node{n.input} }

func (n *traceNode) run(e *exec, r row, yield func(row) bool) bool {
	n.runs++
	caller := n.clock.turn(n)
	more := n.input.run(e, r, func(r row) bool {
		n.rows++
		n.clock.turn(caller)
		more := yield(r)
		n.clock.turn(n)
		return more
	})
	n.clock.turn(caller)
	return more
}

// stopwatch gives the time to one operator at a time: to the one whose code runs.
type stopwatch struct {
	running *traceNode
	since   time.Time
}

// turn stops the time of the running operator and starts that of another.
func (s *stopwatch) turn(to *traceNode) (before *traceNode) {
	now := time.Now()
	before = s.running
	if before != nil {
		before.spent += now.Sub(s.since)
	}
	s.running, s.since = to, now
	return before
}

// operators are the traced operators at and below n, each with those below it.
func operators(n node) []*Operator {
	var below []*Operator
	for _, in := range n.inputs() {
		below = append(below, operators(in)...)
	}
	t, is := n.(*traceNode)
	if !is {
		return below
	}
	o := &Operator{Operator: t.label, Rows: t.rows, Runs: t.runs, Ms: milliseconds(t.spent), Inputs: below}
	if t.estimate >= 0 {
		estimate := math.Round(t.estimate)
		o.Estimate = &estimate
	}
	return []*Operator{o}
}

// trace wraps an operator of the algebra where the execution is to be explained.
func (p *planner) trace(op algebra.Op, estimate float64, n node) node {
	if !p.e.explain {
		return n
	}
	return p.traced(algebra.Label(op), estimate, n)
}

// traced is trace under a name of the planner's own.
func (p *planner) traced(label string, estimate float64, n node) node {
	if !p.e.explain {
		return n
	}
	return &traceNode{input: n, label: label, estimate: estimate, clock: &p.clock}
}
