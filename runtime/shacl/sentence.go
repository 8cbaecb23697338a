package shacl

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// maxShown is how many bytes of a term a sentence shows.
const maxShown = 120

// explanation is a sentence about a result, in parts.
type explanation struct {
	problem string // what is wrong
	fix     string // the nearest thing to do, or ""
}

// wording writes terms for people.
type wording struct{ prefixes []rdf.Prefix }

func (w *wording) iri(iri string) string { return shortener(w.prefixes)(iri) }

func (w *wording) term(t base.Term) string { return show(t, w.prefixes) }

func (w *wording) list(terms []base.Term) string {
	var b strings.Builder
	for i, t := range terms {
		if i == 8 {
			fmt.Fprintf(&b, " … (%d in all)", len(terms))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(w.term(t))
	}
	return b.String()
}

// shortener writes IRIs with the longest prefix that leaves a plain name.
func shortener(prefixes []rdf.Prefix) func(string) string {
	return func(iri string) string {
		best := rdf.Prefix{}
		for _, p := range prefixes {
			if rest, ok := strings.CutPrefix(iri, p.IRI); ok && len(p.IRI) > len(best.IRI) && rest != "" && !strings.ContainsAny(rest, "/#?:()'\", ") {
				best = p
			}
		}
		if best.IRI != "" {
			return best.Name + ":" + iri[len(best.IRI):]
		}
		if local, ok := strings.CutPrefix(iri, sh); ok {
			return "sh:" + local
		}
		if local, ok := strings.CutPrefix(iri, base.XSD); ok {
			return "xsd:" + local
		}
		return "<" + cut(iri) + ">"
	}
}

// show writes a term as Turtle does.
func show(t base.Term, prefixes []rdf.Prefix) string {
	short := shortener(prefixes)
	switch {
	case t.Kind == base.IRITerm:
		return short(t.Value)
	case t.Kind == base.BlankTerm:
		return "the blank node _:" + t.Value
	case t.Kind == base.NoTerm:
		return "nothing"
	case t.Datatype == base.XSDInteger || t.Datatype == base.XSDBoolean || t.Datatype == base.XSDDecimal:
		if wellFormed(t) {
			return cut(t.Value)
		}
	case t.Lang != "":
		return strconv.Quote(cut(t.Value)) + "@" + t.Lang
	case t.Datatype == base.XSDString:
		return strconv.Quote(cut(t.Value))
	}
	return strconv.Quote(cut(t.Value)) + "^^" + short(t.Datatype)
}

func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// Sentences are the results for people, one each: the place, the focus node, the
// path, what is wrong and what to do. Messages of the shapes are taken in the
// first of the languages that there is one in, else in English or without a
// language.
func (r *Report) Sentences(languages ...string) []string {
	w := &wording{r.prefixes}
	sentences := make([]string, len(r.Results))
	for i := range r.Results {
		sentences[i] = r.Results[i].sentence(w, languages)
	}
	if r.Truncated {
		sentences = append(sentences, fmt.Sprintf("and more: only the first %d are shown", len(r.Results)))
	}
	return sentences
}

func (r *Result) sentence(w *wording, languages []string) string {
	text := r.message(languages)
	if text == "" {
		text = r.generated(w)
	}
	where := w.term(r.Focus)
	if r.path != nil {
		where += ", " + r.path.text(w.iri)
	}
	severity := ""
	if r.Severity.Value != sh+"Violation" {
		severity = strings.ToLower(strings.TrimPrefix(r.Severity.Value, sh)) + ": "
	}
	place := ""
	if r.Place.Line > 0 {
		place = r.Place.String() + ": "
	}
	return place + severity + where + ": " + text
}

// message is the message of the shape, if it has one, in a language.
func (r *Result) message(languages []string) string {
	for _, language := range append(slices.Clone(languages), "en", "") {
		for _, m := range r.shape.messages {
			if m.Lang == "" && language == "" || language != "" && languageMatches(m.Lang, language) {
				return m.Value
			}
		}
	}
	if len(r.shape.messages) > 0 {
		return r.shape.messages[0].Value
	}
	return ""
}

func (r *Result) generated(w *wording) string {
	e := r.constraint.explain(r, w)
	if r.path == nil { // the value is the focus node, which was named
		e.problem = strings.TrimPrefix(e.problem, w.term(r.Focus)+" ")
	}
	for i := range r.Detail {
		detail := &r.Detail[i]
		at := w.term(detail.Focus)
		if detail.path != nil {
			at = detail.path.text(w.iri)
		}
		e.problem += ": " + at + " " + detail.generated(w)
	}
	if e.fix == "" {
		return e.problem
	}
	return e.problem + "; " + e.fix
}

func countOf(n int) string { return strconv.Itoa(n) }

// nearest finds the term whose text is nearest to another's.
func nearest(t base.Term, all []base.Term) (base.Term, bool) {
	texts := make([]string, len(all))
	for i, one := range all {
		texts[i] = localName(one)
	}
	near := base.Nearest(localName(t), texts)
	i := slices.Index(texts, near)
	for j, one := range all { // the same text as another term
		if localName(one) == localName(t) {
			i = j
		}
	}
	if i < 0 {
		return base.Term{}, false
	}
	return all[i], true
}

// localName is the part of a term that people misspell.
func localName(t base.Term) string {
	if t.Kind == base.IRITerm {
		return t.Value[strings.LastIndexAny(t.Value, "/#")+1:]
	}
	return cut(t.Value)
}

func values(n int) string {
	if n == 1 {
		return "1 value"
	}
	return cmp.Or(map[int]string{0: "no values"}[n], strconv.Itoa(n)+" values")
}
