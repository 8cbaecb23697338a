package shacl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

func (k *class) explain(r *Result, w *wording) explanation {
	if r.Value.Kind == base.LiteralTerm {
		return explanation{w.term(r.Value) + " is a literal, expected a " + w.iri(k.iri), "name a resource of that class"}
	}
	return explanation{w.term(r.Value) + " is not a " + w.iri(k.iri), fmt.Sprintf("say that it is with: %s a %s", w.term(r.Value), w.iri(k.iri))}
}

func (k *datatype) explain(r *Result, w *wording) explanation {
	e := explanation{problem: w.term(r.Value) + " is not an " + w.iri(k.iri)}
	typed := base.Typed(r.Value.Value, k.iri)
	switch {
	case r.Value.Kind != base.LiteralTerm:
		e.fix = "write a literal of that datatype"
	case k.iri == base.RDFLangStr:
		e.fix = "add a language, such as @en"
	case r.Value.Datatype == k.iri:
		e.problem = fmt.Sprintf("%q is not in the lexical space of %s", cut(r.Value.Value), w.iri(k.iri))
	case wellFormed(typed):
		e.fix = "write " + w.term(typed)
	}
	return e
}

func (k *nodeKind) explain(r *Result, w *wording) explanation {
	is := map[base.TermKind]string{base.IRITerm: "an IRI", base.BlankTerm: "a blank node", base.LiteralTerm: "a literal"}
	var wanted []string
	for _, kind := range k.kinds {
		wanted = append(wanted, is[kind])
	}
	e := explanation{problem: fmt.Sprintf("%s is %s, expected %s", w.term(r.Value), is[r.Value.Kind], strings.Join(wanted, " or "))}
	if r.Value.Kind == base.LiteralTerm && strings.Contains(r.Value.Value, "://") {
		e.fix = "write <" + cut(r.Value.Value) + ">"
	}
	return e
}

func (k *minCount) explain(r *Result, w *wording) explanation {
	if r.count == 0 {
		return explanation{problem: fmt.Sprintf("is missing, expected at least %s", values(k.n))}
	}
	return explanation{fmt.Sprintf("has %s, expected at least %d", values(r.count), k.n), fmt.Sprintf("add %d", k.n-r.count)}
}

func (k *maxCount) explain(r *Result, w *wording) explanation {
	if k.n == 0 {
		return explanation{fmt.Sprintf("has %s, expected none", values(r.count)), "leave it out"}
	}
	return explanation{fmt.Sprintf("has %s, expected at most %d", values(r.count), k.n), fmt.Sprintf("leave out %d", r.count-k.n)}
}

func (k *bounded) explain(r *Result, w *wording) explanation {
	if _, ok := operandOf(r.Value).compare(k.limit); !ok {
		return explanation{fmt.Sprintf("%s does not compare with %s, expected %s that", w.term(r.Value), w.term(k.limit.term), k.words), "write a value of datatype " + w.iri(k.limit.term.Datatype)}
	}
	return explanation{problem: fmt.Sprintf("%s is not %s %s", w.term(r.Value), k.words, w.term(k.limit.term))}
}

func (k *length) explain(r *Result, w *wording) explanation {
	if r.Value.Kind == base.BlankTerm {
		return explanation{problem: w.term(r.Value) + " has no text, expected an IRI or a literal"}
	}
	return explanation{problem: fmt.Sprintf("%s has %d characters, expected %s %d", w.term(r.Value), utf8.RuneCountInString(r.Value.Value), k.words, k.n)}
}

func (k *pattern) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s does not match the pattern %s", w.term(r.Value), cut(k.text))}
}

func (k *languageIn) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s is not in one of the languages %s", w.term(r.Value), strings.Join(k.tags, ", "))}
}

func (k uniqueLang) explain(r *Result, w *wording) explanation {
	return explanation{fmt.Sprintf("has several values in the language %s", r.note), "leave out all but one"}
}

func (k *equals) explain(r *Result, w *wording) explanation {
	if r.note == "extra" {
		return explanation{problem: fmt.Sprintf("%s is no value of %s, expected the same values", w.term(r.Value), w.iri(k.iri))}
	}
	return explanation{problem: fmt.Sprintf("%s is a value of %s only, expected the same values", w.term(r.Value), w.iri(k.iri))}
}

func (k *disjoint) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s is a value of %s too, expected different values", w.term(r.Value), w.iri(k.iri))}
}

func (k *less) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s is not %s %s, the value of %s", w.term(r.Value), k.words, r.note, w.iri(k.iri))}
}

func (k *not) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s conforms to %s, expected that it does not", w.term(r.Value), w.shape(k.shape))}
}

func (k *and) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s does not conform to all of %s", w.term(r.Value), w.shapes(k.shapes))}
}

func (k *or) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s conforms to none of %s", w.term(r.Value), w.shapes(k.shapes))}
}

func (k *xone) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s does not conform to exactly one of %s", w.term(r.Value), w.shapes(k.shapes))}
}

func (k *node) explain(r *Result, w *wording) explanation {
	return explanation{problem: fmt.Sprintf("%s does not conform to %s", w.term(r.Value), w.shape(k.shape))}
}

func (k *property) explain(*Result, *wording) explanation { return explanation{} } // it has no results of its own

func (k *qualified) explain(r *Result, w *wording) explanation {
	bound := "at least"
	if k.most {
		bound = "at most"
	}
	return explanation{problem: fmt.Sprintf("%s of %d conform to %s, expected %s %d", r.note, r.count, w.shape(k.shape), bound, k.count)}
}

func (k *closed) explain(r *Result, w *wording) explanation {
	var allowed []base.Term
	for _, p := range k.owner.properties {
		if p.path.op == predicate {
			allowed = append(allowed, base.IRI(p.path.iri))
		}
	}
	e := explanation{"may not be here: " + w.term(k.owner.node) + " is closed and does not name it", "leave it out"}
	if near, ok := nearest(base.IRI(r.path.iri), allowed); ok {
		e.fix = "did you mean " + w.term(near) + "?"
	}
	return e
}

func (k *hasValue) explain(r *Result, w *wording) explanation {
	return explanation{fmt.Sprintf("does not have the value %s", w.term(k.value)), "add it"}
}

func (k *in) explain(r *Result, w *wording) explanation {
	e := explanation{problem: fmt.Sprintf("%s is not one of %s", w.term(r.Value), w.list(k.members))}
	if near, ok := nearest(r.Value, k.members); ok {
		e.fix = "did you mean " + w.term(near) + "?"
	}
	return e
}

// shape names a shape, or says what one without a name asks.
func (w *wording) shape(s *shape) string {
	switch {
	case s.node.Kind == base.IRITerm:
		return w.iri(s.node.Value)
	case s.path != nil:
		return "the shape of " + s.path.text(w.iri)
	}
	var asks []string
	for _, k := range s.constraints {
		if p, ok := k.(*property); ok {
			asks = append(asks, p.shape.path.text(w.iri))
		} else {
			asks = append(asks, k.component())
		}
	}
	return "[" + strings.Join(asks, ", ") + "]"
}

func (w *wording) shapes(all []*shape) string {
	names := make([]string, 0, len(all))
	for _, s := range all {
		names = append(names, w.shape(s))
	}
	return cut(strings.Join(names, ", "))
}
