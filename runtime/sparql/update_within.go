package sparql

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Within is the update applied to one graph: what it says of the default graph
// it says of that one ("" is the default graph itself). That is PATCH of the
// Graph Store HTTP Protocol (section 5.7). An update that writes to a graph by
// name is an error, for it would change more than it was sent to; patterns may
// read any.
func (u *Update) Within(graph string) (*Update, error) {
	out := &Update{}
	for _, operation := range u.operations {
		inside, ok := within(operation, graph)
		if !ok {
			return nil, errorf(CodeRefused, "an update of one graph says nothing of others: leave out WITH, USING and GRAPH in what is inserted and deleted, or send it to the SPARQL endpoint of the store")
		}
		out.operations = append(out.operations, inside)
	}
	return out, nil
}

func within(operation syntax.Operation, graph string) (syntax.Operation, bool) {
	term := base.Term{}
	if graph != "" {
		term = base.IRI(graph)
	}
	switch o := operation.(type) {
	case *syntax.InsertData:
		quads, ok := quadsWithin(o.Quads, term)
		return &syntax.InsertData{Quads: quads}, ok
	case *syntax.DeleteData:
		quads, ok := quadsWithin(o.Quads, term)
		return &syntax.DeleteData{Quads: quads}, ok
	case *syntax.Modify:
		_, deletes := quadsWithin(o.Delete, term)
		_, inserts := quadsWithin(o.Insert, term)
		changed := *o
		changed.With = graph
		return &changed, deletes && inserts && o.With == "" && len(o.Using) == 0 && len(o.UsingNamed) == 0
	case *syntax.Manage:
		changed := *o
		if graph != "" {
			changed.Target = syntax.Target{Graph: term}
		}
		return &changed, o.Target.Kind == syntax.TargetDefault
	case *syntax.Load:
		return &syntax.Load{Silent: o.Silent, Source: o.Source, Into: graph}, o.Into == ""
	}
	return nil, false
}

// quadsWithin puts quads of the default graph into another one.
func quadsWithin(quads []syntax.QuadPattern, graph base.Term) ([]syntax.QuadPattern, bool) {
	out := make([]syntax.QuadPattern, len(quads))
	for i, q := range quads {
		if q.Graph != (syntax.Node{}) {
			return nil, false
		}
		q.Graph.Term = graph
		out[i] = q
	}
	return out, true
}
