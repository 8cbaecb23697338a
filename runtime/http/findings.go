package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// findings is what reasoning found in a dataset.
type findings struct {
	Store          string          `json:"store"`
	Position       base.Position   `json:"position"`
	Inference      string          `json:"inference"`
	Conforms       bool            `json:"conforms"`
	Unconcluded    string          `json:"unconcluded,omitempty"`
	Contradictions []contradiction `json:"contradictions"`
	Refused        []refusedAxiom  `json:"refused"`
	More           bool            `json:"more,omitempty"`
}

// contradiction are triples that cannot all be true.
type contradiction struct {
	Rule    string   `json:"rule"`
	Graph   string   `json:"graph,omitempty"`
	Message string   `json:"message"`
	Triples []string `json:"triples"`
	Given   []string `json:"given"`

	finding reasoning.Finding
}

// refusedAxiom is a triple that is kept and not believed.
type refusedAxiom struct {
	Triple string `json:"triple"`
	Graph  string `json:"graph,omitempty"`
	Term   string `json:"term"`
	Owner  string `json:"owner"`
	Reason string `json:"reason"`

	refusal reasoning.Refusal
}

// findingsMax is how many of a sort are told.
const findingsMax = 100

// Findings answers with what reasoning found in a dataset.
func (s *Server) Findings(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	s.answerFor(w, r, store{s, kind, ref}.getFindings(w, r))
}

func (t store) getFindings(w http.ResponseWriter, r *http.Request) error {
	format, err := chosen(r, resourceFormats)
	if err != nil {
		return err
	}
	return t.s.work(r, desk.Query, "GET what reasoning found in "+string(t.ref), func(r *http.Request, e *desk.Entry) error {
		view, err := t.view(w, r)
		if err != nil {
			return err
		}
		e.At(view.Position)
		tag := graphTag(view, format)
		if format != HTML && !noneMatch(r, tag) {
			t.s.send(w, r, format, tag, nil)
			return nil
		}
		limit := t.s.limits.Timeout
		if limit == 0 {
			limit = sparql.DefaultLimits().Timeout
		}
		ctx, cancel := context.WithTimeoutCause(r.Context(), limit, &base.Error{Code: base.Exhausted, Ref: t.ref, Detail: fmt.Sprintf(
			"to reason about the whole dataset takes over %s, which is as long as a query may take; use a smaller profile, or split the data into several stores", limit)})
		defer cancel()
		found, err := t.find(ctx, e, view)
		if err != nil {
			return err
		}
		if format == HTML {
			t.s.page(w, r, http.StatusOK, "findings", t.findingsPage(found))
			return nil
		}
		body, err := found.encode(t.s, format)
		if err != nil {
			return err
		}
		t.s.send(w, r, format, tag, body)
		return nil
	})
}

// keptPerFact is what reasoning keeps of each quad, given or inferred, about.
const keptPerFact = 160

// find reasons about a view once more, in a reasoner of its own: that of the
// dataset belongs to the goroutine that folds it, which a reader must not hold up.
func (t store) find(ctx context.Context, e *desk.Entry, view dataset.View) (findings, error) {
	found := findings{Store: t.ref.Absolute(t.s.root), Position: view.Position, Inference: t.inference(), Contradictions: []contradiction{}, Refused: []refusedAxiom{}}
	reasoner, err := t.s.cfg.Reasoner(t.ref, found.Inference)
	if err != nil || reasoner == nil {
		found.Conforms = err == nil
		return found, err
	}
	refusals, err := reasoner.Refusals(ctx, view.Graph, findingsMax+1)
	if err != nil {
		return found, context.Cause(ctx)
	}
	var contradictions []reasoning.Finding
	if view.Unconcluded != nil {
		found.Unconcluded = view.Unconcluded.Error()
	} else if contradictions, err = t.contradictions(ctx, e, view, reasoner); err != nil {
		return found, err
	}
	found.More = len(refusals) > findingsMax || len(contradictions) > findingsMax
	for _, f := range contradictions[:min(len(contradictions), findingsMax)] {
		found.Contradictions = append(found.Contradictions, contradiction{f.Rule, f.Graph.Value, message(f), lines(f.Premises), lines(f.Given), f})
	}
	for _, f := range refusals[:min(len(refusals), findingsMax)] {
		found.Refused = append(found.Refused, refusedAxiom{lines([]base.Quad{f.Quad})[0], f.Quad.G.Value, f.Term.Value, f.Owner, f.Reason, f})
	}
	found.Conforms = len(found.Contradictions)+len(found.Refused) == 0 && found.Unconcluded == ""
	return found, nil
}

func (t store) contradictions(ctx context.Context, e *desk.Entry, view dataset.View, reasoner *reasoning.Reasoner) ([]reasoning.Finding, error) {
	if err := e.Hold(keptPerFact * view.Graph.Len()); err != nil {
		return nil, err
	}
	err := reasoner.Load(ctx, view.Graph)
	if err == nil {
		var found []reasoning.Finding
		if found, err = reasoner.Findings(ctx, findingsMax+1); err == nil {
			return found, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if exceeded := new(reasoning.Exceeded); errors.As(err, &exceeded) { // in this view the dataset did not: another clock
		return nil, &base.Error{Code: base.Exhausted, Ref: t.ref, Detail: exceeded.Error()}
	}
	return nil, err
}

// findingsIRI is where what was found is told.
func (t store) findingsIRI() string { return t.ref.Absolute(t.s.root) + "/findings" }

func message(f reasoning.Finding) string {
	return fmt.Sprintf("these cannot all be true (rule %s of OWL 2 RL); take out one of the %d triples that they follow from", f.Rule, len(f.Given))
}

// lines are triples as N-Triples.
func lines(quads []base.Quad) []string {
	list := make([]string, 0, len(quads))
	for _, q := range quads {
		q.G = base.Term{}
		list = append(list, strings.TrimSuffix(string(rdf.AppendQuad(nil, q)), "\n"))
	}
	return list
}

func (f findings) encode(s *Server, format Format) ([]byte, error) {
	if format == JSON {
		var body bytes.Buffer
		encoder := json.NewEncoder(&body)
		encoder.SetEscapeHTML(false) // triples are full of brackets, and people read them
		err := encoder.Encode(f)
		return body.Bytes(), err
	}
	return s.serialise(f.quads(), format, f.Store+"/findings")
}

// quads are the findings as a validation report (SHACL, section 3.6): a
// contradiction is a violation, whose details are the triples that it follows
// from; what is not believed is a warning.
func (f findings) quads() []base.Quad {
	report := &findingsReport{iri: f.Store + "/findings"}
	root := base.IRI(report.iri)
	report.add(root, base.RDFType, base.IRI(shacl+"ValidationReport"))
	report.add(root, shacl+"conforms", base.Boolean(f.Conforms))
	if f.Unconcluded != "" {
		result := report.result("unconcluded", "Warning", f.Unconcluded)
		report.add(root, shacl+"result", result)
		report.add(result, shacl+"focusNode", base.IRI(f.Store))
	}
	for i, c := range f.Contradictions {
		result := report.result(fmt.Sprintf("contradiction-%d", i+1), "Violation", c.Message)
		report.add(root, shacl+"result", result)
		report.add(result, shacl+"sourceConstraintComponent", base.IRI(owlRules+c.Rule))
		report.triple(result, c.finding.Premises[0])
		for j, q := range c.finding.Given {
			detail := report.result(fmt.Sprintf("contradiction-%d-%d", i+1, j+1), "Violation", "it is one of those that lead there")
			report.add(result, shacl+"detail", detail)
			report.triple(detail, q)
		}
	}
	for i, r := range f.Refused {
		result := report.result(fmt.Sprintf("refused-%d", i+1), "Warning", r.Reason)
		report.add(root, shacl+"result", result)
		report.triple(result, r.refusal.Quad)
	}
	return report.quads
}

// owlRules is where the W3C's names of the rules of OWL 2 RL lead.
const owlRules = "https://www.w3.org/TR/owl2-profiles/#"

type findingsReport struct {
	iri   string
	quads []base.Quad
}

func (r *findingsReport) add(s base.Term, p string, o base.Term) {
	r.quads = append(r.quads, base.Quad{S: s, P: base.IRI(p), O: o})
}

func (r *findingsReport) result(name, severity, message string) base.Term {
	result := base.IRI(r.iri + "#" + name)
	r.add(result, base.RDFType, base.IRI(shacl+"ValidationResult"))
	r.add(result, shacl+"resultSeverity", base.IRI(shacl+severity))
	r.add(result, shacl+"resultMessage", base.LangString(message, "en"))
	return result
}

// triple says which triple a result is about, and of which graph.
func (r *findingsReport) triple(result base.Term, q base.Quad) {
	r.add(result, shacl+"focusNode", q.S)
	r.add(result, shacl+"resultPath", q.P)
	r.add(result, shacl+"value", q.O)
	if !q.G.IsZero() {
		r.add(result, "http://purl.org/dc/terms/source", q.G)
	}
}
