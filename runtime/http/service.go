package http

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

const sd = "http://www.w3.org/ns/sparql-service-description#"

// describeService answers a request without a query: with a page to ask from,
// or with the description of the service (SPARQL 1.1 Service Description).
func (s *Server) describeService(w http.ResponseWriter, r *http.Request, d sparql.Dataset) error {
	offers := []Format{Turtle, JSONLD, NTriples, HTML}
	format, ok := choose(r.Header["Accept"], offers)
	if name := r.URL.Query().Get("format"); name != "" {
		format, ok = formatNamed(name, offers)
	}
	if !ok {
		return &base.Error{Code: base.Unparsable, Detail: "there is no query; send it as ?query=, as a form, or as a body of " + mediaQuery}
	}
	if format == HTML {
		s.page(w, r, http.StatusOK, "query", queryPage{Action: r.URL.Path, Query: firstQuery})
		return nil
	}
	iri := s.root + r.URL.Path
	var b bytes.Buffer
	syntaxOf, _ := rdf.FormatOf(format.Media)
	if err := rdf.Write(&b, syntaxOf, slices.Values(serviceDescription(iri, d)), rdf.WriteOptions{
		Base: iri, Prefixes: append(slices.Clone(prefixes), rdf.Prefix{Name: "sd", IRI: sd}), Context: s.context,
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", format.Media)
	_, _ = w.Write(b.Bytes())
	return nil
}

func serviceDescription(iri string, d sparql.Dataset) []base.Quad {
	var triples []base.Quad
	add := func(subject base.Term, property string, object base.Term) {
		triples = append(triples, base.Quad{S: subject, P: base.IRI(property), O: object})
	}
	service, dataset := base.IRI(iri), base.IRI(iri+"#dataset")
	add(service, base.RDFType, base.IRI(sd+"Service"))
	add(service, sd+"endpoint", service)
	add(service, sd+"supportedLanguage", base.IRI(sd+"SPARQL11Query"))
	add(service, sd+"feature", base.IRI(sd+"UnionDefaultGraph"))
	for _, format := range []string{"SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV", "Turtle", "N-Triples", "JSON-LD"} {
		add(service, sd+"resultFormat", base.IRI("http://www.w3.org/ns/formats/"+format))
	}
	add(service, sd+"defaultDataset", dataset)
	add(dataset, base.RDFType, base.IRI(sd+"Dataset"))
	graph := base.IRI(iri + "#default")
	add(dataset, sd+"defaultGraph", graph)
	add(graph, base.RDFType, base.IRI(sd+"Graph"))
	for i, id := range d.Named {
		node := base.IRI(iri + "#graph-" + strconv.Itoa(i))
		add(dataset, sd+"namedGraph", node)
		add(node, base.RDFType, base.IRI(sd+"NamedGraph"))
		add(node, sd+"name", d.Snapshot.Term(id))
	}
	return triples
}
