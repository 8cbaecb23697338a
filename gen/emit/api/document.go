package api

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/example"
	"github.com/picloud/picloud/gen/plan"
)

// fixedDocument is what does not vary with the ontology: the endpoints that
// belong to no kind, and what all kinds share.
//
//go:embed fixed.yaml
var fixedDocument []byte

// Document is the OpenAPI 3.0.3 document of a plan, validated.
func Document(p *plan.Plan) ([]byte, error) {
	loader := openapi3.NewLoader()
	doc := &openapi3.T{}
	if err := unmarshal(fixedDocument, doc); err != nil {
		return nil, err
	}
	examples, err := example.Valid(p)
	if err != nil {
		return nil, err
	}
	doc.Components.Responses = openapi3.ResponseBodies{}
	for _, e := range p.Model.Errors {
		if problemName(e.Name) == "Method" { // no answer to an operation that exists
			continue
		}
		doc.Components.Responses[problemName(e.Name)] = problem(e)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			fails(operation, fixedFailures(path, method)...)
		}
	}
	s := &schemas{all: doc.Components.Schemas, made: map[string]bool{}}
	for _, slice := range p.Slices {
		if len(slice.Kinds) > 0 {
			doc.Tags = append(doc.Tags, &openapi3.Tag{Name: slice.Name, Description: kindsOf(slice)})
		}
	}
	for _, k := range p.Kinds {
		s.kind(p, k)
	}
	for _, r := range slices.Concat(p.Routes, p.DatasetRoutes) {
		add(doc, s, r, examples[r.Kind.Word])
	}
	s.deployment(p, examples)
	if len(s.twice) > 0 {
		return nil, fmt.Errorf("schemas of one name: %s; rename one of the classes", strings.Join(s.twice, ", "))
	}
	text, err := marshal(doc)
	if err != nil {
		return nil, err
	}
	// what was written is loaded again, so that every reference is followed
	whole, err := loader.LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return text, whole.Validate(context.Background())
}

// unmarshal reads YAML without following references: some lead to what is
// added later.
func unmarshal(text []byte, doc *openapi3.T) error {
	var tree any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return err
	}
	data, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, doc)
}

func marshal(doc *openapi3.T) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(doc)
	return b.Bytes(), err
}

func kindsOf(s *plan.Slice) string {
	var words []string
	for _, k := range s.Kinds {
		words = append(words, k.Plural)
	}
	return "Of the slice " + s.Name + ": " + strings.Join(words, ", ") + "."
}

// problemName is what the answer with an error code is called: "NotFound".
func problemName(member string) string { return strings.TrimPrefix(member, "Error") }

func statusOf(name string) string {
	for _, code := range base.Codes() {
		if code.IRI() == base.Ontology+"Error"+name {
			return fmt.Sprint(code.Status())
		}
	}
	return "default"
}

// add adds the operation of one route.
func add(doc *openapi3.T, s *schemas, r *plan.Route, e *example.Example) {
	path := strings.Replace(r.Path, "{below...}", "{below}", 1) // OpenAPI has no word for "and what follows"
	item := doc.Paths.Value(path)
	if item == nil {
		item = &openapi3.PathItem{}
		if r.InProduct {
			item.Parameters = append(item.Parameters, parameter("Product"))
		}
		if strings.HasSuffix(r.Path, "{name}") || strings.Contains(r.Path, "{name}/") {
			item.Parameters = append(item.Parameters, parameter("Name"))
		}
		if path != r.Path {
			item.Parameters = append(item.Parameters, below())
		}
		doc.Paths.Set(path, item)
	}
	item.SetOperation(r.Method, operation(s, r, e))
}

func operation(s *schemas, r *plan.Route, e *example.Example) *openapi3.Operation {
	o := &openapi3.Operation{OperationID: r.ID, Tags: []string{r.Kind.Slice}, Description: r.Kind.Comment, Responses: openapi3.NewResponsesWithCapacity(16)}
	switch r.Action {
	case plan.List:
		o.Summary = "List " + r.Kind.Plural + of(r)
		with(o, "After", "Limit", "Phase", "Tag", "DeploymentName", "Text", "Format", "IfNoneMatch", "MinPosition", "Consistency")
		o.Responses.Set("200", shown("The page.", r.Kind.Go+"List", nil, "ETag", "PicloudPosition", "Link"))
		unchanged(o)
	case plan.Get:
		o.Summary = "Read " + r.Kind.Article + of(r)
		with(o, "Format", "IfNoneMatch", "MinPosition", "Consistency")
		o.Responses.Set("200", shown(r.Kind.A+".", r.Kind.Go, answered(e), "ETag", "PicloudPosition", "Link"))
		unchanged(o)
	case plan.Put:
		o.Summary = "Declare " + r.Kind.Article + of(r)
		o.Description = "Replaces the declaration whole, or makes the resource. " + o.Description
		with(o, "IfMatch", "IfNoneMatch", "IdempotencyKey", "Prefer")
		o.RequestBody = described(r.Kind.Go+"Input", e)
		o.Responses.Set("200", written("It was replaced, or is so already.", r.Kind, answered(e)))
		if !r.Kind.Singleton {
			o.Responses.Set("201", written("It was made.", r.Kind, answered(e), "Location"))
		}
		fails(o, writing...)
	case plan.Patch:
		o.Summary = "Change " + r.Kind.Article + of(r)
		o.Description = "Applies a merge patch (RFC 7396) to the declaration."
		with(o, "IfMatch", "IdempotencyKey", "Prefer")
		o.RequestBody = body(&openapi3.MediaType{Schema: ref(r.Kind.Go + "Patch")}, "application/merge-patch+json")
		o.Responses.Set("200", written("It was changed, or is so already.", r.Kind, answered(e)))
		fails(o, writing...)
	case plan.Delete:
		o.Summary = "Delete " + r.Kind.Article + of(r)
		o.Description = "Ends the resource, and what cannot be without it. It is refused while others refer to it."
		with(o, "IfMatch", "IdempotencyKey", "DeleteData")
		o.Responses.Set("204", response("It is gone, or being cleaned up.", nil, "PicloudPosition", "PicloudReplayed"))
		fails(o, deleting...)
	case plan.Operate:
		operate(s, o, r, e)
	case plan.Sparql:
		sparql(o, r)
	case plan.Graph:
		graph(o, r)
	case plan.Findings:
		findings(o, r)
	}
	return o
}

func operate(s *schemas, o *openapi3.Operation, r *plan.Route, e *example.Example) {
	operation := r.Operation
	o.Summary = strings.ToUpper(operation.Name[:1]) + operation.Name[1:] + " " + r.Kind.Article + of(r)
	o.Description = operation.Operation.Comment
	with(o, "IfMatch", "IdempotencyKey")
	if operation.Input != nil {
		o.RequestBody = body(&openapi3.MediaType{Schema: s.value(operation.Input, input)}, "application/json")
	}
	o.Responses.Set("200", written("It is so already.", r.Kind, answered(e)))
	o.Responses.Set("202", written("It was taken on; its events tell how it goes on.", r.Kind, answered(e), "EventsLocation"))
	o.Responses.Set("204", response("It was taken on and the resource is gone.", nil, "PicloudPosition", "PicloudReplayed", "EventsLocation"))
	if operation.Input == nil {
		fails(o, deleting...)
		return
	}
	fails(o, writing...)
}

// of tells the two places of a kind apart that is in products and in the
// cluster.
func of(r *plan.Route) string {
	switch {
	case !r.Kind.InProduct || !r.Kind.InCluster:
		return ""
	case r.InProduct:
		return " of a product"
	}
	return " of the cluster"
}

// What may go wrong, by what is done.
var (
	reading  = []string{"Unparsable", "Unauthenticated", "Forbidden", "NotFound", "NotAcceptable", "Exhausted", "Internal", "Unavailable"}
	deleting = []string{
		"Unparsable", "Unauthenticated", "Forbidden", "NotFound", "Conflict", "Stale", "Invalid", "Exhausted", "Internal", "Unavailable", "Uncertain", "Full",
	}
	writing = append([]string{"NotAcceptable", "TooLarge", "MediaType"}, deleting...)
)

func fixedFailures(path, method string) []string {
	switch {
	case method == "POST" && path == "/apply":
		return writing
	case path == "/-/cluster/transfer":
		return []string{"Unparsable", "Unauthenticated", "Forbidden", "NotFound", "Conflict", "Internal", "Unavailable"}
	case method == "POST":
		return append([]string{"TooLarge", "MediaType", "Unimplemented"}, reading...)
	case strings.HasSuffix(path, "/sparql"), strings.Contains(path, "/graph"):
		return append([]string{"TooLarge", "Unimplemented"}, reading...)
	case path == "/events/{position}":
		return append([]string{"Gone"}, reading...)
	case path == "/events":
		return []string{"Unparsable", "Unauthenticated", "Forbidden", "NotAcceptable", "Gone", "Exhausted", "Internal", "Unavailable"}
	case path == "/healthz", path == "/readyz", path == "/context.jsonld":
		return []string{"Internal"}
	case path == "/-/cluster/verify":
		return []string{"Unparsable", "Unauthenticated", "Forbidden", "Internal", "Unavailable"}
	case path == "/metrics", path == "/-/verify", path == "/-/cluster":
		return []string{"Unauthenticated", "Forbidden", "Internal", "Unavailable"}
	}
	return []string{"NotFound", "NotAcceptable", "Internal"}
}

// unchanged are the answers of a read beside what was asked for.
func unchanged(o *openapi3.Operation) {
	o.Responses.Set("304", response("What the client has is current.", nil, "ETag", "PicloudPosition"))
	fails(o, reading...)
}

func fails(o *openapi3.Operation, names ...string) {
	for _, name := range names {
		if status := statusOf(name); o.Responses.Value(status) == nil {
			o.Responses.Set(status, &openapi3.ResponseRef{Ref: "#/components/responses/" + name})
		}
	}
}

func parameter(name string) *openapi3.ParameterRef {
	return &openapi3.ParameterRef{Ref: "#/components/parameters/" + name}
}

func with(o *openapi3.Operation, names ...string) {
	for _, name := range names {
		o.Parameters = append(o.Parameters, parameter(name))
	}
}
