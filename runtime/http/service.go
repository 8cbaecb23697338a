package http

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

const sd = "http://www.w3.org/ns/sparql-service-description#"

// describeService answers a request without a query: with a page to ask from,
// or with the description of the service (SPARQL 1.1 Service Description).
func (s *Server) describeService(w http.ResponseWriter, r *http.Request, d sparql.Dataset) {
	offers := []Format{Turtle, JSONLD, NTriples, HTML}
	format, ok := choose(r.Header["Accept"], offers)
	if !ok {
		s.fail(w, r, &base.Error{Code: base.Unparsable, Detail: "there is no query; send it as ?query=, as a form, or as a body of " + mediaQuery})
		return
	}
	if format == HTML {
		s.page(w, r, http.StatusOK, "query", queryPage{Action: r.URL.Path, Query: firstQuery})
		return
	}
	iri := s.root + r.URL.Path
	var b bytes.Buffer
	syntaxOf, _ := rdf.FormatOf(format.Media)
	if err := rdf.Write(&b, syntaxOf, slices.Values(serviceDescription(iri, d)), rdf.WriteOptions{
		Base: iri, Prefixes: append(slices.Clone(prefixes), rdf.Prefix{Name: "sd", IRI: sd}), Context: s.context,
	}); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", format.Media)
	_, _ = w.Write(b.Bytes())
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

// firstQuery is what the page for people begins with.
const firstQuery = `PREFIX pc: <https://picloud.local/ontology#>

SELECT ?kind (COUNT(?r) AS ?n) (SUM(IF(?phase = pc:Ready, 1, 0)) AS ?ready)
WHERE { ?r pc:kind ?kind OPTIONAL { ?r pc:phase ?phase } }
GROUP BY ?kind ORDER BY ?kind
`

// queryPage is the page to ask the graph from.
type queryPage struct {
	Action, Query string
	Problem       *problem
	Asked         bool
	Count         string
	Boolean       string
	Columns       []string
	Rows          [][]shown
}

func (p queryPage) describe(d *pageData) { d.Title = "Ask the graph" }

// pageRows is how many rows a page for people shows.
const pageRows = 1000

func (s *Server) queryPage(w http.ResponseWriter, r *http.Request, text string, result *sparql.Result) error {
	page := queryPage{Action: r.URL.Path, Query: text, Asked: true, Columns: result.Vars}
	more := false
	row := func(terms ...base.Term) bool {
		if more = len(page.Rows) == pageRows; more {
			return false
		}
		cells := make([]shown, len(terms))
		for i, t := range terms {
			cells[i] = s.show(t, "")
		}
		page.Rows = append(page.Rows, cells)
		return true
	}
	var failed error
	switch result.Form {
	case syntax.Ask:
		page.Boolean = strconv.FormatBool(result.Boolean)
	case syntax.Select:
		for terms, err := range result.Rows() {
			if failed = err; err != nil || !row(terms...) {
				break
			}
		}
	default:
		page.Columns = []string{"subject", "predicate", "object"}
		for q, err := range result.Quads() {
			if failed = err; err != nil || !row(q.S, q.P, q.O) {
				break
			}
		}
	}
	if failed != nil {
		return failed
	}
	page.Count = strconv.Itoa(len(page.Rows)) + " rows"
	if more {
		page.Count = "the first " + page.Count
	}
	s.page(w, r, http.StatusOK, "query", page)
	return nil
}

// shown is one value on a page for people.
type shown struct{ Text, Href, Unit string }

// show makes a term readable: names of the ontology with their prefix,
// addresses of the cluster from its root, both as links; quantities with the
// unit that people write.
func (s *Server) show(t base.Term, syntaxOf base.Syntax) shown {
	if t.Kind != base.IRITerm {
		return shown{Text: quantity(t, syntaxOf)}
	}
	for _, p := range prefixes {
		if local, ok := strings.CutPrefix(t.Value, p.IRI); ok && local != "" {
			return shown{Text: p.Name + ":" + local, Href: ontologyHref(t.Value)}
		}
	}
	if path, own := strings.CutPrefix(t.Value, s.root); own && strings.HasPrefix(path, "/") {
		return shown{Text: path, Href: path}
	}
	return shown{Text: t.Value}
}

// ontologyHref is where a term of the ontology is described on this cluster.
func ontologyHref(iri string) string {
	for _, own := range []string{base.Meta, base.Ontology} {
		if local, ok := strings.CutPrefix(iri, own); ok {
			return "/ontology#" + local
		}
	}
	return ""
}

func quantity(t base.Term, syntaxOf base.Syntax) string {
	if t.Datatype == base.XSDInteger && syntaxOf != base.PlainSyntax {
		if n, err := strconv.ParseInt(t.Value, 10, 64); err == nil {
			return base.Quantity(n, syntaxOf)
		}
	}
	return t.Value
}
