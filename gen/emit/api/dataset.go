package api

import (
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/picloud/picloud/gen/plan"
)

// textMax is the longest query or update, in characters.
const textMax = 1 << 20

// Media types of the protocols of SPARQL.
var (
	resultMedia = []string{"application/sparql-results+xml", "text/csv", "text/tab-separated-values", "text/html"}
	graphMedia  = []string{"text/turtle", "application/n-triples", "application/rdf+xml"}
)

// below is the part of an address behind "/graph/", which may have slashes.
func below() *openapi3.ParameterRef {
	p := openapi3.NewPathParameter("below").WithSchema(typed("string"))
	p.Description = "The rest of the graph's own address."
	return &openapi3.ParameterRef{Value: p}
}

// asked is a parameter in the query of an address.
func asked(name, comment string, schema *openapi3.Schema) *openapi3.ParameterRef {
	p := openapi3.NewQueryParameter(name).WithSchema(schema)
	p.Description = comment
	return &openapi3.ParameterRef{Value: p}
}

func long() *openapi3.Schema { return typed("string").WithMaxLength(textMax) }

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
		o.Parameters = append(o.Parameters, asked("query", "The query.", long()),
			asked("default-graph-uri", "Graphs to ask instead of the default graph.", many()),
			asked("named-graph-uri", "Graphs that GRAPH may name.", many()))
		with(o, "MinPosition")
		fails(o, append([]string{"TooLarge", "Unimplemented"}, reading...)...)
		return
	}
	o.Summary = "Ask or change the dataset of " + label
	o.Description = "The SPARQL 1.1 Protocol with a query or an update in the body. An update happens as a whole or not at all."
	with(o, "IfMatch", "IdempotencyKey")
	// the form is open: the protocol lets clients add to it
	form := object("A query or an update.", answer)
	for name, schema := range map[string]*openapi3.Schema{
		"query": long(), "update": long(), "default-graph-uri": many(), "named-graph-uri": many(), "using-graph-uri": many(), "using-named-graph-uri": many(),
	} {
		form.Properties[name] = inline(schema)
	}
	o.RequestBody = body(&openapi3.MediaType{Schema: inline(long())}, "application/sparql-query")
	o.RequestBody.Value.Content["application/sparql-update"] = &openapi3.MediaType{Schema: inline(long())}
	o.RequestBody.Value.Content["application/x-www-form-urlencoded"] = &openapi3.MediaType{Schema: inline(form)}
	o.Responses.Set("204", response("The update was carried out.", nil, "ETag", "PicloudPosition", "PicloudReplayed"))
	fails(o, append([]string{"Unimplemented"}, writing...)...)
}

// graph describes what is done with one graph of a dataset.
func graph(o *openapi3.Operation, r *plan.Route) {
	which := "one graph of the dataset of " + r.Kind.Article + of(r)
	if strings.Contains(r.Path, "{below") {
		which = "the graph at this address, in the dataset of " + r.Kind.Article + of(r)
	} else {
		o.Parameters = append(o.Parameters, asked("graph", "IRI of the graph; or default.", typed("string")),
			asked("default", "The default graph; without a value.", typed("string")))
	}
	o.Description = "The SPARQL 1.1 Graph Store HTTP Protocol."
	if r.Method == "GET" {
		o.Summary = "Read " + which
		content := openapi3.Content{"application/ld+json": {Schema: inline(typed("object"))}}
		for _, media := range append(graphMedia[:2:2], "text/html") {
			content[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
		}
		with(o, "IfNoneMatch", "MinPosition")
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
		o.RequestBody = body(&openapi3.MediaType{Schema: inline(long())}, "application/sparql-update")
	case "DELETE":
		o.Summary, done = "Remove "+which, "It is gone."
	}
	if r.Method == "PUT" || r.Method == "POST" {
		o.RequestBody = body(&openapi3.MediaType{Schema: inline(typed("object"))}, "application/ld+json")
		for _, media := range graphMedia {
			o.RequestBody.Value.Content[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
		}
		o.Responses.Set("201", response("It was made.", nil, "ETag", "PicloudPosition", "Location"))
	}
	o.Responses.Set("204", response(done, nil, "ETag", "PicloudPosition", "PicloudReplayed"))
	fails(o, writing...)
}
