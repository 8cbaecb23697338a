package sparql

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// A graph exists as long as it has a quad, as section 3.2 leaves to stores that
// do not record empty graphs: CREATE of a new one leaves nothing, and to CLEAR or
// DROP one that is not there is no failure, for it might be an empty one. What is
// to be copied has to be there, or a misspelt name would empty the target.

// manageGraph is CREATE, CLEAR and DROP.
func (w *workspace) manageGraph(o *syntax.Manage) error {
	graphs := w.graphs(o.Target.Kind)
	if o.Target.Kind == syntax.TargetGraph {
		g := w.intern(o.Target.Graph)
		if err := w.writable(g); err != nil {
			return err
		}
		if o.Action == "CREATE" {
			if w.exists(g) {
				return errorf(CodeRefused, "the graph <%s> exists already; insert into it, or write CREATE SILENT", o.Target.Graph.Value)
			}
			return nil
		}
		graphs = []rdf.ID{g}
	}
	for _, g := range graphs {
		if !w.isDerived(g) {
			w.clear(g)
		}
	}
	return w.failure()
}

// transfer is ADD, COPY and MOVE (sections 3.2.3 to 3.2.5).
func (w *workspace) transfer(o *syntax.Transfer) error {
	from, to := w.intern(o.From.Graph), w.intern(o.To.Graph)
	if err := w.writable(to); err != nil {
		return err
	}
	if o.Action == "MOVE" {
		if err := w.writable(from); err != nil {
			return err
		}
	}
	if from != rdf.DefaultGraph && !w.exists(from) {
		return errorf(CodeRefused, "there is no graph <%s> to %s; write %s SILENT where that is no failure",
			o.From.Graph.Value, strings.ToLower(o.Action), o.Action)
	}
	if from == to {
		return nil
	}
	source := w.snapshot()
	if o.Action != "ADD" {
		w.clear(to)
	}
	for q := range source.Match(rdf.IDQuad{G: from}) {
		if w.err != nil {
			break
		}
		w.set(rdf.IDQuad{S: q.S, P: q.P, O: q.O, G: to}, true)
		if o.Action == "MOVE" {
			w.set(q, false)
		}
	}
	return w.failure()
}

func (w *workspace) clear(g rdf.ID) {
	for q := range w.snapshot().Match(rdf.IDQuad{G: g}) {
		if w.err != nil {
			return
		}
		w.set(q, false)
	}
}

func (w *workspace) exists(g rdf.ID) bool { return w.snapshot().Count(rdf.IDQuad{G: g}) > 0 }

// load is LOAD. The server's own files are nobody's to read.
func (w *workspace) load(o *syntax.Load) error {
	into := base.Term{}
	if o.Into != "" {
		into = base.IRI(o.Into)
	}
	g := w.intern(into)
	if err := w.writable(g); err != nil {
		return err
	}
	scheme, _, _ := strings.Cut(o.Source, ":")
	switch scheme = strings.ToLower(scheme); {
	case scheme != "http" && scheme != "https":
		return errorf(CodeUnsupported, "LOAD reads no %s: IRIs; send the document to the graph store instead (PUT or POST with ?graph=)", scheme)
	case w.data.Load == nil:
		return errorf(CodeUnsupported, "LOAD is switched off: the server fetches nothing on behalf of a caller; fetch <%s> yourself and send it to the graph store (PUT or POST with ?graph=)", o.Source)
	}
	quads, err := w.data.Load(w.ctx, o.Source)
	if err != nil {
		w.check()
		if w.err != nil {
			return w.err
		}
		return errorf(CodeRefused, "<%s> could not be loaded: %v; LOAD SILENT goes on without it", o.Source, err)
	}
	blanks := w.blanks()
	for _, q := range quads {
		w.set(rdf.IDQuad{S: w.intern(blanks(q.S)), P: w.intern(q.P), O: w.intern(blanks(q.O)), G: g}, true)
	}
	return w.failure()
}

// writable refuses to write what reasoning fills.
func (w *workspace) writable(g rdf.ID) error {
	if w.isDerived(g) {
		return errorf(CodeRefused, "the graph <%s> holds what follows from other graphs, so it changes only with them; change those", w.fork.Term(g).Value)
	}
	return nil
}
