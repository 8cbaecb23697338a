package sparql

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/algebra"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// CodeRefused is an operation of an update that cannot be carried out: a graph
// to create that exists, one to copy that does not, one that only rules write.
const CodeRefused Code = "refused"

// Update is a parsed update request. It is immutable: any number of goroutines
// may run it at once.
type Update struct{ operations []syntax.Operation }

// UpdateBytes is how long the text of an update may be if Options do not say: it
// has data in it, which a query has not.
const UpdateBytes = 4 << 20

// ParseUpdate reads a request of SPARQL 1.1 Update. Its error is an *Error with
// CodeSyntax.
func ParseUpdate(text string, o Options) (*Update, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = UpdateBytes
	}
	tree, err := syntax.ParseUpdate(text, syntax.Options{Base: o.Base, MaxBytes: o.MaxBytes})
	if err != nil {
		var where *syntax.Error
		if errors.As(err, &where) {
			return nil, &Error{Code: CodeSyntax, Message: where.Error(), Syntax: where}
		}
		return nil, errorf(CodeSyntax, "%v", err)
	}
	return &Update{tree.Operations}, nil
}

// WithDataset is the update with these graphs for the patterns of all its
// operations, as using-graph-uri and using-named-graph-uri of the protocol ask.
// An update that names graphs itself with USING, USING NAMED or WITH is an error
// (SPARQL 1.1 Protocol, section 2.2.3).
func (u *Update) WithDataset(using, usingNamed []string) (*Update, error) {
	if len(using) == 0 && len(usingNamed) == 0 {
		return u, nil
	}
	out := &Update{slices.Clone(u.operations)}
	for i, operation := range out.operations {
		m, ok := operation.(*syntax.Modify)
		if !ok {
			continue
		}
		if m.With != "" || len(m.Using) > 0 || len(m.UsingNamed) > 0 {
			return nil, errorf(CodeRefused, "the update names its graphs with USING or WITH, so the parameters using-graph-uri and using-named-graph-uri may not; leave out one of both")
		}
		changed := *m
		changed.Using, changed.UsingNamed = using, usingNamed
		out.operations[i] = &changed
	}
	return out, nil
}

// UpdateDataset is what an update sees and may change: a whole store.
type UpdateDataset struct {
	// Snapshot holds the default graph as rdf.DefaultGraph and all others by name.
	Snapshot *rdf.Snapshot
	// Derived reports a graph that reasoning fills: it is read, and never written.
	// Nil: there is none.
	Derived func(graph base.Term) bool
	// Merged are the graphs that a pattern outside of GRAPH sees together with the
	// default graph.
	Merged []string
	// Load fetches what LOAD names; without it LOAD is refused. It is never asked
	// for the files of the server.
	Load func(ctx context.Context, source string) ([]base.Quad, error)
}

// Change is the net effect of an update. No quad is in both lists, all that are
// removed were there, none that is added was. Both are sorted. Blank nodes are
// named as in the store; new ones have random labels that no other node has.
type Change struct{ Removed, Added []base.Quad }

// Empty reports a change of nothing.
func (c Change) Empty() bool { return len(c.Removed) == 0 && len(c.Added) == 0 }

// Run evaluates all operations in their order, each on what the one before
// left, and writes nothing. It succeeds as a whole or changes nothing. The
// limits hold for all operations together; a change may have as many quads as a
// result may have rows. The error is an *Error.
func (u *Update) Run(ctx context.Context, d UpdateDataset, l Limits) (Change, error) {
	l = l.withDefaults()
	l.update = true
	ctx, cancel := context.WithTimeout(ctx, l.Timeout)
	defer cancel()
	if d.Snapshot == nil {
		d.Snapshot = rdf.NewStore().Snapshot()
	}
	w := newWorkspace(ctx, d, l)
	defer w.end()
	for _, operation := range u.operations {
		if err := w.run(operation); err != nil {
			return Change{}, l.ofUpdate(err)
		}
	}
	change, err := w.change()
	return change, l.ofUpdate(err)
}

// ofUpdate tells of a time that is over what helps an update.
func (l Limits) ofUpdate(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Code == CodeTimeout {
		return errorf(CodeTimeout, "the update took longer than %s, so nothing of it was done; make its patterns more selective, or divide it", l.Timeout)
	}
	return err
}

// run carries out one operation.
func (w *workspace) run(operation syntax.Operation) error {
	switch o := operation.(type) {
	case *syntax.InsertData:
		return w.insertData(o)
	case *syntax.DeleteData:
		return w.deleteData(o)
	case *syntax.Modify:
		return w.modify(o)
	}
	// These may be told to go on when they fail; what stops the whole update is
	// not such a failure.
	silent, err := w.manage(operation)
	var failure *Error
	if silent && errors.As(err, &failure) && (failure.Code == CodeRefused || failure.Code == CodeUnsupported) {
		return nil
	}
	return err
}

func (w *workspace) manage(operation syntax.Operation) (silent bool, err error) {
	switch o := operation.(type) {
	case *syntax.Load:
		return o.Silent, w.load(o)
	case *syntax.Manage:
		return o.Silent, w.manageGraph(o)
	case *syntax.Transfer:
		return o.Silent, w.transfer(o)
	}
	return false, errorf(CodeUnsupported, "the operation %T is not known", operation)
}

func (w *workspace) insertData(o *syntax.InsertData) error {
	blanks := w.blanks()
	for _, q := range o.Quads {
		g := w.fork.Intern(q.Graph.Term)
		if err := w.writable(g); err != nil {
			return err
		}
		w.set(rdf.IDQuad{S: w.intern(blanks(q.S.Term)), P: w.intern(q.P.Term), O: w.intern(blanks(q.O.Term)), G: g}, true)
	}
	return w.failure()
}

func (w *workspace) deleteData(o *syntax.DeleteData) error {
	for _, q := range o.Quads {
		g := w.fork.Intern(q.Graph.Term)
		if err := w.writable(g); err != nil {
			return err
		}
		w.set(rdf.IDQuad{S: w.intern(q.S.Term), P: w.intern(q.P.Term), O: w.intern(q.O.Term), G: g}, false)
	}
	return w.failure()
}

// modify is DELETE and INSERT over the solutions of a pattern (section 3.1.3):
// all of them are found before the first quad goes.
func (w *workspace) modify(o *syntax.Modify) error {
	with := base.Term{}
	if o.With != "" {
		with = base.IRI(o.With)
	}
	deletes, inserts := newTemplate(w, o.Delete, with), newTemplate(w, o.Insert, with)
	for _, t := range []*template{deletes, inserts} {
		if t.err != nil {
			return t.err
		}
	}
	query := &syntax.Query{Form: Select, Where: o.Where, Limit: -1}
	for _, name := range templateVars(o.Delete, o.Insert) {
		query.Projection = append(query.Projection, syntax.Projection{Var: name})
	}
	r, err := Execute(w.ctx, &Query{tree: query, op: algebra.Translate(query)}, w.dataset(o), w.remaining())
	if err != nil {
		return err
	}
	for terms, err := range r.Rows() {
		if err != nil {
			return err
		}
		deletes.fill(r.Vars, terms)
		inserts.fill(r.Vars, terms)
		if w.err != nil {
			return w.err
		}
	}
	for q := range deletes.made {
		w.set(q, false)
	}
	for q := range inserts.made {
		w.set(q, true)
	}
	w.release(quadCost * (len(deletes.made) + len(inserts.made)))
	return w.failure()
}

// compareQuads orders quads by subject, predicate, object and graph.
func compareQuads(a, b base.Quad) int {
	return cmp.Or(compareTerms(a.S, b.S), compareTerms(a.P, b.P), compareTerms(a.O, b.O), compareTerms(a.G, b.G))
}

func compareTerms(a, b base.Term) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Value, b.Value),
		strings.Compare(a.Datatype, b.Datatype), strings.Compare(a.Lang, b.Lang))
}
