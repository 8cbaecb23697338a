package api

import (
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/picloud/picloud/gen/plan"
)

// queryMax and updateMax are the longest query and update, in characters: an
// update has data in it.
const (
	queryMax  = 1 << 20
	updateMax = 4 << 20
)

// Media types of the protocols of SPARQL.
var (
	resultMedia = []string{"application/sparql-results+xml", "text/csv", "text/tab-separated-values", "text/html", "text/event-stream"}
	graphMedia  = []string{"text/turtle", "application/n-triples", "application/rdf+xml"}
	quadMedia   = []string{"application/trig", "application/n-quads"}
)

// below is the part of an address behind "/graph/", which may have slashes.
func below() *openapi3.ParameterRef {
	p := openapi3.NewPathParameter("below").WithSchema(typed("string"))
	p.Description = "The rest of the graph's own address."
	return &openapi3.ParameterRef{Value: p}
}

// lastEvent is where a live query goes on.
func lastEvent() *openapi3.ParameterRef {
	p := openapi3.NewHeaderParameter("Last-Event-ID").WithSchema(typed("string"))
	p.Description = "Of a live query (text/event-stream): the id of the last event seen. What came after it follows, or all rows with reset."
	return &openapi3.ParameterRef{Value: p}
}

// asked is a parameter in the query of an address.
func asked(name, comment string, schema *openapi3.Schema) *openapi3.ParameterRef {
	p := openapi3.NewQueryParameter(name).WithSchema(schema)
	p.Description = comment
	return &openapi3.ParameterRef{Value: p}
}

func query() *openapi3.Schema { return typed("string").WithMaxLength(queryMax) }

func update() *openapi3.Schema { return typed("string").WithMaxLength(updateMax) }

func many() *openapi3.Schema { return typed("array").WithItems(typed("string")) }

// sparql describes the endpoint that answers queries and carries out updates.
func sparql(o *openapi3.Operation, r *plan.Route) {
	label := r.Kind.Article + of(r)
	results := openapi3.Content{"application/sparql-results+json": {Schema: inline(typed("object"))}, "application/ld+json": {Schema: inline(typed("object"))}}
	for _, media := range append(resultMedia, graphMedia[:2]...) {
		results[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
	}
	o.Responses.Set("200", response("Results of SELECT and ASK, triples of CONSTRUCT and DESCRIBE.", results, "PicloudPosition"))
	if r.Method == "GET" {
		o.Summary = "Ask the dataset of " + label
		o.Description = "The SPARQL 1.1 Protocol. Without a query, a description of the service."
		o.Parameters = append(o.Parameters, asked("query", "The query.", query()),
			asked("default-graph-uri", "Graphs to ask instead of the default graph.", many()),
			asked("named-graph-uri", "Graphs that GRAPH may name.", many()),
			asked("explain", "Answer with how the query ran, as text or JSON.", typed("boolean")), lastEvent())
		with(o, "MinPosition", "Consistency")
		fails(o, append([]string{"TooLarge", "Unimplemented"}, reading...)...)
		return
	}
	o.Summary = "Ask or change the dataset of " + label
	o.Description = "The SPARQL 1.1 Protocol with a query or an update in the body. An update happens as a whole or not at all."
	with(o, "IfMatch", "IdempotencyKey")
	// the form is open: the protocol lets clients add to it
	form := object("A query or an update.", answer)
	for name, schema := range map[string]*openapi3.Schema{
		"query": query(), "update": update(), "default-graph-uri": many(), "named-graph-uri": many(), "using-graph-uri": many(), "using-named-graph-uri": many(),
	} {
		form.Properties[name] = inline(schema)
	}
	o.RequestBody = body(&openapi3.MediaType{Schema: inline(query())}, "application/sparql-query")
	o.RequestBody.Value.Content["application/sparql-update"] = &openapi3.MediaType{Schema: inline(update())}
	o.RequestBody.Value.Content["application/x-www-form-urlencoded"] = &openapi3.MediaType{Schema: inline(form)}
	o.Responses.Set("204", response("The update was carried out.", nil, "ETag", "PicloudPosition", "PicloudReplayed"))
	fails(o, append([]string{"Unimplemented"}, writing...)...)
}

// graph describes what is done with one graph of a dataset.
func graph(o *openapi3.Operation, r *plan.Route) {
	which := "one graph of the dataset of " + r.Kind.Article + of(r)
	direct := strings.Contains(r.Path, "{below")
	if direct {
		which = "the graph at this address, in the dataset of " + r.Kind.Article + of(r)
	} else {
		o.Parameters = append(o.Parameters, asked("graph", "IRI of the graph; or default.", typed("string")),
			asked("default", "The default graph; without a value.", typed("string")))
	}
	o.Description = "The SPARQL 1.1 Graph Store HTTP Protocol."
	if !direct {
		o.Description += " Without graph and default it is about the dataset: GET dumps it, PUT and POST load it as TriG or N-Quads, POST of a graph makes one with a new address."
	}
	if r.Method == "GET" {
		o.Summary = "Read " + which
		content := openapi3.Content{"application/ld+json": {Schema: inline(typed("object"))}}
		for _, media := range append(bodies(direct, graphMedia[:2]), "text/html") {
			content[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
		}
		with(o, "IfNoneMatch", "MinPosition", "Consistency")
		o.Responses.Set("200", response("Its triples.", content, "ETag", "PicloudPosition"))
		unchanged(o)
		return
	}
	with(o, "IfMatch", "IdempotencyKey")
	done := "Its triples are replaced."
	switch r.Method {
	case "PUT":
		o.Summary = "Replace " + which
	case "POST":
		o.Summary, done = "Add to "+which, "They are added."
	case "PATCH":
		o.Summary, done = "Change "+which, "The update was carried out."
		o.RequestBody = body(&openapi3.MediaType{Schema: inline(update())}, "application/sparql-update")
	case "DELETE":
		o.Summary, done = "Remove "+which, "It is gone."
	}
	if r.Method == "PUT" || r.Method == "POST" {
		o.RequestBody = body(&openapi3.MediaType{Schema: inline(typed("object"))}, "application/ld+json")
		for _, media := range append(bodies(direct, graphMedia), "multipart/form-data") {
			o.RequestBody.Value.Content[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
		}
		o.Responses.Set("201", response("It was made.", nil, "ETag", "PicloudPosition", "Location"))
	}
	o.Responses.Set("204", response(done, nil, "ETag", "PicloudPosition", "PicloudReplayed"))
	fails(o, writing...)
}

// findings describes what reasoning found in a dataset.
func findings(o *openapi3.Operation, r *plan.Route) {
	o.Summary = "Tell what reasoning found in the dataset of " + r.Kind.Article + of(r)
	o.Description = "Contradictions with the triples that they come from, axioms about terms of others, which are not believed, and why nothing follows where that is so. It is worked out when asked for. As RDF it is a validation report of SHACL."
	content := openapi3.Content{"application/json": {Schema: ref("Findings")}, "application/ld+json": {Schema: inline(typed("object"))}}
	for _, media := range append(slices.Clone(graphMedia[:2]), "text/html") {
		content[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
	}
	with(o, "IfNoneMatch", "MinPosition", "Consistency")
	o.Responses.Set("200", response("What was found.", content, "ETag", "PicloudPosition"))
	unchanged(o)
}

// bodies are media types of graphs, and of datasets where no graph is addressed.
func bodies(direct bool, graphs []string) []string {
	if direct {
		return slices.Clone(graphs)
	}
	return slices.Concat(graphs, quadMedia)
}
