package syntax

import "github.com/picloud/picloud/gen/base"

// Update is a request of SPARQL 1.1 Update: operations in their order.
type Update struct{ Operations []Operation }

// Operation is one operation of an update (SPARQL 1.1 Update, section 3).
type Operation interface{ operation() }

// The operations.
type (
	// InsertData adds quads without variables.
	InsertData struct{ Quads []QuadPattern }
	// DeleteData removes quads without variables and blank nodes.
	DeleteData struct{ Quads []QuadPattern }
	// Modify is DELETE and INSERT over the solutions of a pattern. DELETE WHERE
	// is one whose pattern is its template.
	Modify struct {
		With           string // the graph of WITH, or ""
		Delete, Insert []QuadPattern
		Using          []string
		UsingNamed     []string
		Where          *Group
	}
	// Load reads a document into a graph ("": the default graph).
	Load struct {
		Silent       bool
		Source, Into string
	}
	// Manage is CREATE, CLEAR or DROP of a graph.
	Manage struct {
		Action string
		Silent bool
		Target Target
	}
	// Transfer is ADD, MOVE or COPY from one graph to another.
	Transfer struct {
		Action   string
		Silent   bool
		From, To Target
	}
)

func (*InsertData) operation() {}
func (*DeleteData) operation() {}
func (*Modify) operation()     {}
func (*Load) operation()       {}
func (*Manage) operation()     {}
func (*Transfer) operation()   {}

// QuadPattern is a triple pattern in a graph; the zero Node is the default
// graph, or that of WITH.
type QuadPattern struct {
	Graph Node
	Triple
}

// TargetKind tells what a Target means.
type TargetKind uint8

// The graphs that a Target can mean.
const (
	TargetGraph TargetKind = iota
	TargetDefault
	TargetNamed
	TargetAll
)

// Target is the graph or graphs that an operation manages; Graph is set for
// TargetGraph.
type Target struct {
	Kind  TargetKind
	Graph base.Term
}
