package rdf

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Prefix is a short name for the IRIs that begin with IRI.
type Prefix struct{ Name, IRI string }

// WriteOptions shape what Write writes; none of them changes its meaning.
type WriteOptions struct {
	// Base is declared with @base and written <>; its fragments <#…>. It is
	// an absolute IRI without a fragment. Turtle and TriG only.
	Base string
	// Prefixes that may be used; only those in use are declared, in this order.
	// Turtle and TriG only.
	Prefixes []Prefix
	// Sorted writes graphs, subjects, predicates and objects in a canonical
	// order, instead of the order in which they first come.
	Sorted bool
	// Context of JSON-LD; nil writes expanded IRIs only.
	Context *Context
	// Alive, if it is set, is asked now and then while Turtle, TriG or JSON-LD is
	// made of quads that have all come, which takes seconds for a million; its
	// error ends the writing.
	Alive func() error
}

// pulse asks whether writing should go on.
type pulse struct {
	alive func() error
	steps int
	err   error
}

// beats counts a step, and is false once writing must end.
func (p *pulse) beats() bool {
	if p.steps++; p.steps&1023 == 0 && p.alive != nil && p.err == nil {
		p.err = p.alive()
	}
	return p.err == nil
}

// Write serialises quads; a repetition is written once, except in N-Triples and
// N-Quads that are not Sorted, which stream. Turtle and N-Triples refuse quads
// of named graphs, every format refuses what no text of it can say: an IRI that
// is not absolute or has forbidden characters, a literal that is not UTF-8, a
// subject, predicate or graph of the wrong kind. The message says which.
func Write(w io.Writer, format Format, quads iter.Seq[base.Quad], o WriteOptions) error {
	out := bufio.NewWriterSize(w, 32<<10)
	if err := write(out, format, quads, o); err != nil {
		return err
	}
	return out.Flush()
}

func write(w *bufio.Writer, format Format, quads iter.Seq[base.Quad], o WriteOptions) error {
	if o.Base != "" && (CheckIRI(o.Base) != nil || strings.Contains(o.Base, "#")) {
		return fmt.Errorf("the base <%s> is not an absolute IRI without a fragment", clip(o.Base))
	}
	graphs := format != Turtle && format != NTriples
	if (format == NTriples || format == NQuads) && !o.Sorted {
		return writeLines(w, quads, graphs)
	}
	all, err := collect(quads, graphs)
	if err != nil {
		return err
	}
	if o.Sorted {
		slices.SortFunc(all, compareQuads)
	}
	switch format {
	case NTriples, NQuads:
		return writeLines(w, slices.Values(slices.Compact(all)), graphs)
	case Turtle, TriG:
		return newTurtleWriter(o).write(w, all)
	case JSONLD:
		return writeJSONLD(w, all, o.Context, &pulse{alive: o.Alive})
	}
	return fmt.Errorf("cannot write %s", format)
}

func writeLines(w *bufio.Writer, quads iter.Seq[base.Quad], graphs bool) error {
	var line []byte
	for q := range quads {
		if err := checkQuad(q, graphs); err != nil {
			return err
		}
		line = appendNQuad(line[:0], q)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

func collect(quads iter.Seq[base.Quad], graphs bool) ([]base.Quad, error) {
	var all []base.Quad
	for q := range quads {
		if err := checkQuad(q, graphs); err != nil {
			return nil, err
		}
		all = append(all, q)
	}
	return all, nil
}

// compareQuads sorts by graph, subject, predicate and object, the default
// graph and rdf:type first.
func compareQuads(a, b base.Quad) int {
	return cmp.Or(compareTerms(a.G, b.G), compareTerms(a.S, b.S), comparePredicates(a.P, b.P), compareTerms(a.O, b.O))
}

func comparePredicates(a, b base.Term) int {
	if isType := a.Value == base.RDFType; a != b && isType != (b.Value == base.RDFType) {
		if isType {
			return -1
		}
		return 1
	}
	return compareTerms(a, b)
}

func compareTerms(a, b base.Term) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value), cmp.Compare(a.Datatype, b.Datatype), cmp.Compare(a.Lang, b.Lang))
}

// checkQuad refuses what cannot be written.
func checkQuad(q base.Quad, graphs bool) error {
	switch {
	case q.S.Kind != base.IRITerm && q.S.Kind != base.BlankTerm:
		return fmt.Errorf("the subject %s is neither an IRI nor a blank node", describe(q.S))
	case q.P.Kind != base.IRITerm:
		return fmt.Errorf("the predicate %s is not an IRI", describe(q.P))
	case q.O.IsZero():
		return fmt.Errorf("a triple of %s has no object", describe(q.S))
	case q.G.Kind == base.LiteralTerm:
		return fmt.Errorf("the graph %s is a literal", describe(q.G))
	case !graphs && !q.G.IsZero():
		return fmt.Errorf("a triple of %s is in the graph %s; this format has no graphs, use TriG or N-Quads", describe(q.S), describe(q.G))
	}
	for _, t := range [4]base.Term{q.S, q.P, q.O, q.G} {
		if err := checkTerm(t); err != nil {
			return err
		}
	}
	return nil
}

func checkTerm(t base.Term) error {
	switch t.Kind {
	case base.IRITerm:
		return CheckIRI(t.Value)
	case base.BlankTerm:
		if !isLabel(t.Value) {
			return fmt.Errorf("%q cannot label a blank node", clip(t.Value))
		}
	case base.LiteralTerm:
		if !utf8.ValidString(t.Value) {
			return fmt.Errorf("the literal %q is not valid UTF-8", clip(t.Value))
		}
		if t.Lang != "" && (!isLangTag(t.Lang) || t.Datatype != base.RDFLangStr) || t.Lang == "" && t.Datatype == base.RDFLangStr {
			return fmt.Errorf("the literal %q has the language %q and the datatype <%s>, which do not agree", clip(t.Value), clip(t.Lang), clip(t.Datatype))
		}
		return CheckIRI(t.Datatype)
	}
	return nil
}

// describe shows a term in an error message.
func describe(t base.Term) string { return clip(string(appendTerm(nil, t))) }

// isLabel tests for the label of BLANK_NODE_LABEL.
func isLabel(s string) bool {
	for i, r := range s {
		last := i+utf8.RuneLen(r) == len(s)
		switch {
		case lex.IsNameBase(r), r == '_', r >= '0' && r <= '9':
		case i > 0 && lex.IsNameChar(r):
		case r == '.' && i > 0 && !last:
		default:
			return false
		}
	}
	return s != "" && utf8.ValidString(s)
}

// isLangTag tests for LANGTAG.
func isLangTag(s string) bool {
	first, n := true, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z', !first && c >= '0' && c <= '9':
			n++
		case c == '-' && n > 0:
			first, n = false, 0
		default:
			return false
		}
	}
	return n > 0
}
