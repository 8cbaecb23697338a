package http

import (
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// jsonldContext is the context of every JSON-LD answer: one term for each
// property, named as in its IRI, with the type of its values.
func jsonldContext(model *base.Model) *rdf.Context {
	context := &rdf.Context{Vocab: base.Ontology, Prefixes: prefixes}
	seen := map[string]bool{}
	add := func(iri, typ string) {
		name, own := strings.CutPrefix(iri, base.Ontology)
		if own && !seen[name] {
			seen[name] = true
			context.Terms = append(context.Terms, rdf.ContextTerm{Name: name, IRI: iri, Type: typ})
		}
	}
	for _, property := range []string{"kind", "product"} {
		add(base.Ontology+property, "@id")
	}
	for _, class := range model.Classes {
		for _, f := range class.Fields {
			add(f.IRI, valueType(model, f))
		}
	}
	return context
}

func valueType(model *base.Model, f *base.Field) string {
	switch f.Type {
	case base.TypeRef, base.TypeObject, base.TypeEnum:
		return "@id"
	}
	if f.Form == base.List {
		return "@id"
	}
	scalar := model.Scalar(f.Scalar)
	switch {
	case scalar == nil || scalar.Datatype == base.XSDString:
		return ""
	case scalar.Datatype == "": // an IRI that is no resource of a kind
		return "@id"
	}
	return scalar.Datatype
}
