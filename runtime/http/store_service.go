package http

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// inferences are the entailment regimes and profiles of the tokens of what a
// dataset concludes.
var inferences = map[string]struct{ regime, profile string }{
	"rdfs":   {"RDFS", ""},
	"owl-rl": {"OWL-RDF-Based", "RL"},
}

func (t store) describe(d *description) {
	d.all(sd+"supportedLanguage", sd, "SPARQL11Update")
	d.all(sd+"inputFormat", formats, "Turtle", "N-Triples", "JSON-LD", "RDF_XML", "TriG", "N-Quads")
	load := "LOAD is switched off."
	if t.s.cfg.Load != nil {
		load = "LOAD reads graphs over https from hosts that the operator has listed."
	}
	d.add(d.service, base.RDFSComment, base.LangString(fmt.Sprintf("Graph Store HTTP Protocol: <%s>, with ?graph=, ?default, or a graph's own address below it. %s", t.iri(), load), "en"))
	d.add(d.service, base.RDFSComment, base.LangString(fmt.Sprintf("One update changes at most what fits into %s when compressed.", base.Quantity(domain.DatasetChangeMax, base.ByteSyntax)), "en"))
	regime := "Simple"
	if inference, known := inferences[t.inference()]; known {
		d.add(d.service, base.RDFSComment, base.LangString(fmt.Sprintf("What follows is in graphs that end in /inferred. Contradictions, and axioms that are not believed because they are about terms of others: <%s>.", t.findingsIRI()), "en"))
		regime = inference.regime
		if inference.profile != "" {
			d.all(sd+"defaultSupportedEntailmentProfile", owlProfiles, inference.profile)
		}
	}
	d.all(sd+"defaultEntailmentRegime", entailments, regime)
}

func (t store) examples() []example {
	return []example{
		{"The first triples of the default graph.", "SELECT * WHERE { ?subject ?predicate ?object } LIMIT 100\n"},
		{"The named graphs, and how large they are.", "SELECT ?graph (COUNT(*) AS ?triples) WHERE { GRAPH ?graph { ?s ?p ?o } } GROUP BY ?graph ORDER BY DESC(?triples) LIMIT 100\n"},
		{"Which classes are used, and how often.", "SELECT ?class (COUNT(*) AS ?things) WHERE { { ?s a ?class } UNION { GRAPH ?g { ?s a ?class } } } GROUP BY ?class ORDER BY DESC(?things) LIMIT 100\n"},
	}
}
