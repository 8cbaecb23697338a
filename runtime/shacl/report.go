package shacl

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Report is the outcome of a validation (section 3.6).
type Report struct {
	// Conforms tells that there is no result, of whatever severity.
	Conforms bool
	Results  []Result
	// Judged is how many focus nodes the targets of shapes gave, each counted
	// once for each shape. If there is none, nothing was looked at.
	Judged int
	// Truncated tells that there is more than Limits.Results.
	Truncated bool

	prefixes []rdf.Prefix
}

// Result is one thing that does not conform (section 3.6.2).
type Result struct {
	Focus     base.Term
	Value     base.Term // the zero term if there is no single one
	Source    base.Term // the shape
	Component string    // IRI of the constraint component
	Severity  base.Term
	// Detail is the first result of the shape that the value does not conform
	// to, where that is one.
	Detail []Result
	// Place is where the text of the data says it, or where the focus node
	// begins if it is about something that is missing; zero if not known.
	Place Place

	path       *path
	shape      *shape
	constraint constraint
	note       string
	count      int
}

// Path is the property path of the result as SPARQL writes it, or "".
func (r *Result) Path() string {
	if r.path == nil {
		return ""
	}
	return r.path.String()
}

// each visits all results and their details.
func (r *Report) each(yield func(*Result) bool) {
	for i := range r.Results {
		for one := &r.Results[i]; ; one = &one.Detail[0] {
			if !yield(one) {
				return
			}
			if len(one.Detail) == 0 {
				break
			}
		}
	}
}

// explain finds the places of what does not conform.
func (r *run) explain(report *Report) {
	var all []wanted
	for one := range report.each {
		w := wanted{triple: base.Triple{S: one.Focus}, place: &one.Place}
		if one.path != nil && one.path.op == predicate && one.Value.Kind != base.NoTerm {
			if _, missing := one.constraint.(*equals); !missing || one.note == "extra" {
				_, isClosed := one.constraint.(*closed)
				w.triple.P, w.triple.O, w.object = base.IRI(one.path.iri), one.Value, !isClosed
			}
		}
		all = append(all, w)
	}
	r.data.locate(all, func() bool { return !r.tick() })
}

// Quads are the report as RDF, in the default graph. Blank nodes of the data
// keep their labels.
func (r *Report) Quads() []base.Quad {
	w := reportWriter{used: map[string]bool{}, sources: map[base.Term]base.Term{}}
	for one := range r.each {
		for _, t := range []base.Term{one.Focus, one.Value} {
			if t.Kind == base.BlankTerm {
				w.used[t.Value] = true
			}
		}
	}
	report := w.fresh()
	w.emit(report, base.RDFType, base.IRI(sh+"ValidationReport"))
	w.emit(report, sh+"conforms", base.Boolean(r.Conforms))
	for i := range r.Results {
		w.emit(report, sh+"result", w.result(&r.Results[i], r.prefixes))
	}
	return w.quads
}

type reportWriter struct {
	quads   []base.Quad
	used    map[string]bool
	sources map[base.Term]base.Term
	n       int
}

func (w *reportWriter) emit(s base.Term, p string, o base.Term) {
	w.quads = append(w.quads, base.Quad{S: s, P: base.IRI(p), O: o})
}

// fresh is a blank node that neither the report nor the data in it uses.
func (w *reportWriter) fresh() base.Term {
	for {
		w.n++
		if label := fmt.Sprintf("r%d", w.n); !w.used[label] {
			return base.Blank(label)
		}
	}
}

func (w *reportWriter) result(r *Result, prefixes []rdf.Prefix) base.Term {
	node := w.fresh()
	w.emit(node, base.RDFType, base.IRI(sh+"ValidationResult"))
	w.emit(node, sh+"focusNode", r.Focus)
	if r.path != nil {
		w.emit(node, sh+"resultPath", r.path.quads(w.fresh, w.emit))
	}
	if r.Value.Kind != base.NoTerm {
		w.emit(node, sh+"value", r.Value)
	}
	w.emit(node, sh+"resultSeverity", r.Severity)
	w.emit(node, sh+"sourceConstraintComponent", base.IRI(r.Component))
	w.emit(node, sh+"sourceShape", w.source(r.Source))
	for _, m := range r.shape.messages {
		w.emit(node, sh+"resultMessage", m)
	}
	if len(r.shape.messages) == 0 {
		w.emit(node, sh+"resultMessage", base.LangString(r.generated(&wording{prefixes}), "en"))
	}
	for i := range r.Detail {
		w.emit(node, sh+"detail", w.result(&r.Detail[i], prefixes))
	}
	return node
}

// source stands for a shape: its blank nodes are not those of the data.
func (w *reportWriter) source(shape base.Term) base.Term {
	if shape.Kind != base.BlankTerm {
		return shape
	}
	node, known := w.sources[shape]
	if !known {
		node = w.fresh()
		w.sources[shape] = node
	}
	return node
}
