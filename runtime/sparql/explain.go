package sparql

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// traceNode counts the rows of the operator that it wraps.
type traceNode struct {
	input node
	label string
	depth int
	// estimate is rows for each run, -1 if none was made.
	estimate float64
	runs     int
	rows     int
}

func (n *traceNode) run(e *exec, r row, yield func(row) bool) bool {
	n.runs++
	return n.input.run(e, r, func(r row) bool {
		n.rows++
		return yield(r)
	})
}

// trace wraps an operator where the execution is to be explained.
func (p *planner) trace(op algebra.Op, estimate float64, n node) node {
	if !p.e.explain {
		return n
	}
	return p.traced(algebra.Label(op), estimate, n)
}

func (p *planner) traceFilter(f syntax.Expr, n node) node {
	if !p.e.explain {
		return n
	}
	return p.traced("Filter "+f.String(), -1, n)
}

func (p *planner) traced(label string, estimate float64, n node) node {
	t := &traceNode{input: n, label: label, depth: p.depth, estimate: estimate}
	p.traces = append(p.traces, t)
	return t
}

// printTraces prints the operators in the order in which they run, each with the rows
// that were expected for one run, the runs and the rows that came.
func printTraces(traces []*traceNode) string {
	var b strings.Builder
	for _, t := range traces {
		fmt.Fprintf(&b, "%s%s", strings.Repeat("  ", max(t.depth-1, 0)), t.label)
		if t.estimate >= 0 {
			fmt.Fprintf(&b, "  estimate=%.0f", t.estimate)
		}
		fmt.Fprintf(&b, "  runs=%d rows=%d\n", t.runs, t.rows)
	}
	return b.String()
}
