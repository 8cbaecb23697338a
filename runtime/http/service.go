package http

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

// Vocabularies of service descriptions: the W3C's, statistics (VoID), formats,
// and queries as SHACL has them.
const (
	sd          = "http://www.w3.org/ns/sparql-service-description#"
	void        = "http://rdfs.org/ns/void#"
	formats     = "http://www.w3.org/ns/formats/"
	shacl       = "http://www.w3.org/ns/shacl#"
	schemaOrg   = "https://schema.org/"
	entailments = "http://www.w3.org/ns/entailment/"
	owlProfiles = "http://www.w3.org/ns/owl-profile/"
)

// describeService answers a request without a query: with a page to ask from,
// or with the description of the service (SPARQL 1.1 Service Description).
func (s *Server) describeService(w http.ResponseWriter, r *http.Request, e endpoint) error {
	_, dataset, err := e.see(w, r)
	if err != nil {
		return err
	}
	offers := []Format{Turtle, JSONLD, NTriples, HTML}
	format, ok := preferred(r, offers)
	if !ok {
		return &base.Error{Code: base.Unparsable, Detail: "there is no query; send it as ?query=, as a form, or as a body of " + mediaQuery}
	}
	if format == HTML {
		s.page(w, r, http.StatusOK, "query", queryPage{Action: r.URL.Path, Query: e.examples()[0].query, Examples: exampleLinks(e, r.URL.Path)})
		return nil
	}
	iri := s.root + r.URL.Path
	d := &description{service: base.IRI(iri), iri: iri}
	s.describeAny(d, dataset)
	e.describe(d)
	for i, example := range e.examples() {
		d.example(i+1, example)
	}
	var b bytes.Buffer
	syntaxOf, _ := rdf.FormatOf(format.Media)
	if err := rdf.Write(&b, syntaxOf, slices.Values(d.triples), rdf.WriteOptions{
		Base: iri, Context: s.context,
		Prefixes: append(slices.Clone(prefixes), rdf.Prefix{Name: "sd", IRI: sd}, rdf.Prefix{Name: "void", IRI: void}, rdf.Prefix{Name: "schema", IRI: schemaOrg}),
	}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", format.Media)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	_, _ = w.Write(b.Bytes())
	return nil
}

// description gathers what is said of an endpoint.
type description struct {
	service base.Term
	iri     string
	triples []base.Quad
}

func (d *description) add(subject base.Term, property string, object base.Term) {
	d.triples = append(d.triples, base.Quad{S: subject, P: base.IRI(property), O: object})
}

// all says several things of the service by one property.
func (d *description) all(property, namespace string, names ...string) {
	for _, name := range names {
		d.add(d.service, property, base.IRI(namespace+name))
	}
}

// part names a thing that the description speaks of.
func (d *description) part(name, class string) base.Term {
	part := base.IRI(d.iri + "#" + name)
	d.add(part, base.RDFType, base.IRI(sd+class))
	return part
}

// describeAny says what holds of every endpoint: how to ask, how far, and which
// graphs the caller may ask.
func (s *Server) describeAny(d *description, of sparql.Dataset) {
	d.all(base.RDFType, sd, "Service")
	d.add(d.service, sd+"endpoint", d.service)
	d.all(sd+"supportedLanguage", sd, "SPARQL11Query")
	d.all(sd+"resultFormat", formats, "SPARQL_Results_JSON", "SPARQL_Results_XML", "SPARQL_Results_CSV", "SPARQL_Results_TSV", "Turtle", "N-Triples", "JSON-LD")
	d.add(d.service, base.RDFSComment, base.LangString(s.limitsText(), "en"))
	d.add(d.service, base.RDFSComment, base.LangString("Functions: all of SPARQL 1.1 and its casts; none beyond. REGEX and REPLACE take the syntax of RE2, which has no back references. SERVICE is refused.", "en"))
	dataset, graph := d.part("dataset", "Dataset"), d.part("default", "Graph")
	d.add(d.service, sd+"defaultDataset", dataset)
	d.add(d.service, sd+"availableGraphs", dataset)
	d.add(dataset, base.RDFType, base.IRI(sd+"GraphCollection"))
	d.add(dataset, sd+"defaultGraph", graph)
	if len(of.Default) == 1 {
		d.add(graph, void+"triples", base.Integer(int64(of.Snapshot.Count(rdf.IDQuad{G: of.Default[0]}))))
	}
	for i, id := range of.Named[:min(len(of.Named), describedGraphs)] {
		named := d.part("graph-"+strconv.Itoa(i+1), "NamedGraph")
		d.add(dataset, sd+"namedGraph", named)
		d.add(named, sd+"name", of.Snapshot.Term(id))
		content := d.part("graph-"+strconv.Itoa(i+1)+"-content", "Graph")
		d.add(named, sd+"graph", content)
		d.add(content, void+"triples", base.Integer(int64(of.Snapshot.Count(rdf.IDQuad{G: id}))))
	}
	if more := len(of.Named) - describedGraphs; more > 0 {
		d.add(dataset, base.RDFSComment, base.LangString(fmt.Sprintf("%d more named graphs: SELECT DISTINCT ?g { GRAPH ?g {} }", more), "en"))
	}
}

// describedGraphs is how many named graphs a description lists.
const describedGraphs = 1000

func (s *Server) limitsText() string {
	l, usual := s.limits, sparql.DefaultLimits()
	if l.Timeout == 0 {
		l.Timeout = usual.Timeout
	}
	if l.MaxRows == 0 {
		l.MaxRows = usual.MaxRows
	}
	if l.MaxMemoryBytes == 0 {
		l.MaxMemoryBytes = usual.MaxMemoryBytes
	}
	return fmt.Sprintf("Limits of one query: %s, %d rows, %s of memory, a text of %s. What is over them is answered with 429 and says which; 503 with Retry-After means that too much is asked at once.",
		l.Timeout, l.MaxRows, base.Quantity(l.MaxMemoryBytes, base.ByteSyntax), base.Quantity(queryBytes, base.ByteSyntax))
}

// example is a query that shows what an endpoint is good for.
type example struct{ what, query string }

// example adds an example as SHACL has queries (SHACL-AF, section 5; the form
// that several public endpoints use for their examples).
func (d *description) example(number int, e example) {
	node := base.IRI(d.iri + "#example-" + strconv.Itoa(number))
	form, property := "SPARQLSelectExecutable", "select"
	if strings.Contains(e.query, "CONSTRUCT") {
		form, property = "SPARQLConstructExecutable", "construct"
	}
	d.add(node, base.RDFType, base.IRI(shacl+"SPARQLExecutable"))
	d.add(node, base.RDFType, base.IRI(shacl+form))
	d.add(node, base.RDFSComment, base.LangString(e.what, "en"))
	d.add(node, shacl+property, base.String(e.query))
	d.add(node, schemaOrg+"target", d.service)
}
