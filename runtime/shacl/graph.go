package shacl

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Graph is what is read as one graph.
type Graph struct {
	Snapshot *rdf.Snapshot
	// Graphs are the graphs of the snapshot whose union it is: none means the
	// default graph alone, rdf.Any all that there are.
	Graphs []rdf.ID
	// Texts that the graph was read from, if there are any. They are read
	// again for the places of what is wrong, and only then.
	Texts []Text
	// Prefixes shorten IRIs in sentences.
	Prefixes []rdf.Prefix
}

// Text is a document of RDF.
type Text struct {
	Name    string // of the file, for people
	Content []byte
	Format  rdf.Format
	Options rdf.Options
}

// Place is where something stands in a text; the zero Place is not known.
type Place struct {
	File string
	rdf.Pos
}

func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Col)
}

// Read reads texts into one graph. An error of syntax is an *Error with the
// place.
func Read(texts ...Text) (Graph, error) {
	g := Graph{Texts: slices.Clone(texts)}
	prefixes := map[string]string{}
	var quads []base.Quad
	for i := range g.Texts {
		t := &g.Texts[i]
		if len(texts) > 1 && t.Options.BlankPrefix == "" {
			t.Options.BlankPrefix = fmt.Sprintf("t%d-", i+1)
		}
		t.Options.Prefixes = map[string]string{}
		read, err := rdf.ParseAll(bytes.NewReader(t.Content), t.Format, t.Options)
		if err != nil {
			return Graph{}, syntaxError(t.Name, err)
		}
		quads = append(quads, read...)
		maps.Copy(prefixes, t.Options.Prefixes)
		t.Options.Prefixes = nil
	}
	for name, iri := range prefixes {
		g.Prefixes = append(g.Prefixes, rdf.Prefix{Name: name, IRI: iri})
	}
	slices.SortFunc(g.Prefixes, func(a, b rdf.Prefix) int { return cmp.Compare(a.Name, b.Name) })
	store := rdf.NewStore()
	store.LoadQuads(quads)
	g.Snapshot = store.Snapshot()
	return g, nil
}

// graphs are the ids that a pattern is asked with, one after another.
func (g Graph) graphs() []rdf.ID {
	if len(g.Graphs) == 0 {
		return []rdf.ID{rdf.DefaultGraph}
	}
	return g.Graphs
}

// match yields the quads of a pattern; those that stand in several graphs more
// than once.
func (g Graph) match(p rdf.IDQuad) iter.Seq[rdf.IDQuad] {
	return func(yield func(rdf.IDQuad) bool) {
		for _, p.G = range g.graphs() {
			for c := g.Snapshot.Cursor(p); c.Next(); {
				if !yield(c.Quad()) {
					return
				}
			}
		}
	}
}

// wanted is something whose place is asked for: a statement, or a subject where
// the predicate is no term.
type wanted struct {
	triple base.Triple
	object bool // the place of the object, else of the predicate
	place  *Place
}

// locate reads the texts again and fills in places. It stops when stop says so.
func (g Graph) locate(all []wanted, stop func() bool) {
	asked := map[base.Triple][]wanted{}
	for _, w := range all {
		asked[w.triple] = append(asked[w.triple], w)
	}
	found := func(t base.Triple, file string, at func(wanted) rdf.Pos) {
		for _, w := range asked[t] {
			*w.place = Place{file, at(w)}
		}
		delete(asked, t)
	}
	for _, text := range g.Texts {
		if len(asked) == 0 {
			return
		}
		// The text was read before, so the only error is that of stopping.
		_ = rdf.Parse(bytes.NewReader(text.Content), text.Format, text.Options, func(s rdf.Statement) error {
			q := s.Quad
			found(base.Triple{S: q.S}, text.Name, func(wanted) rdf.Pos { return s.Subject })
			found(base.Triple{S: q.S, P: q.P, O: q.O}, text.Name, func(w wanted) rdf.Pos {
				if w.object {
					return s.Object
				}
				return s.Predicate
			})
			if len(asked) == 0 || stop() {
				return errFound
			}
			return nil
		})
	}
}
