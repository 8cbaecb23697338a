package api

import (
	"encoding/json"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/example"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
)

// problem is the answer with an error code.
func problem(e model.ErrorCode) *openapi3.ResponseRef {
	shown, _ := json.Marshal(map[string]any{"type": e.IRI, "title": e.Comment, "status": e.Status}) // texts and a number
	r := response(e.Comment, openapi3.Content{"application/problem+json": {Schema: ref("Problem"), Example: json.RawMessage(shown)}})
	headers := map[string][]string{
		"Exhausted": {"RetryAfter"}, "Unavailable": {"RetryAfter"}, "MediaType": {"Accept"},
	}
	addHeaders(r.Value, headers[problemName(e.Name)])
	return r
}

func response(comment string, content openapi3.Content, headers ...string) *openapi3.ResponseRef {
	r := &openapi3.Response{Description: new(comment), Content: content}
	addHeaders(r, headers)
	return &openapi3.ResponseRef{Value: r}
}

// headerNames are the headers of HTTP by the names of their components.
var headerNames = map[string]string{
	"ETag": "ETag", "PicloudPosition": "Picloud-Position", "PicloudReplayed": "Picloud-Replayed", "Location": "Location",
	"EventsLocation": "Location", "Link": "Link", "RetryAfter": "Retry-After", "Accept": "Accept",
}

func addHeaders(r *openapi3.Response, names []string) {
	for _, name := range names {
		if r.Headers == nil {
			r.Headers = openapi3.Headers{}
		}
		r.Headers[headerNames[name]] = &openapi3.HeaderRef{Ref: "#/components/headers/" + name}
	}
}

// shown is the answer to a read, in every format.
func shown(comment, schema string, e any, headers ...string) *openapi3.ResponseRef {
	content := openapi3.Content{"application/json": {Schema: ref(schema), Example: e}}
	for _, media := range []string{"text/turtle", "application/n-triples", "text/html"} {
		content[media] = &openapi3.MediaType{Schema: inline(typed("string"))}
	}
	content["application/ld+json"] = &openapi3.MediaType{Schema: inline(typed("object"))}
	return response(comment, content, headers...)
}

// written is the answer to a write: the resource as it is now.
func written(comment string, k *plan.Kind, e any, headers ...string) *openapi3.ResponseRef {
	return shown(comment, k.Go, e, append(headers, "ETag", "PicloudPosition", "PicloudReplayed", "Link")...)
}

// answered and requested are an example as it is read and declared.
func answered(e *example.Example) any {
	if e == nil {
		return nil
	}
	return raw(e.Answer())
}

func raw(v *base.Value) json.RawMessage { return base.AppendValue(nil, v) }

func body(m *openapi3.MediaType, media string) *openapi3.RequestBodyRef {
	return &openapi3.RequestBodyRef{Value: &openapi3.RequestBody{Required: true, Content: openapi3.Content{media: m}}}
}

// described is the body that declares a resource, in every format.
func described(schema string, e *example.Example) *openapi3.RequestBodyRef {
	b := body(&openapi3.MediaType{Schema: ref(schema)}, "application/json")
	turtle := &openapi3.MediaType{Schema: inline(typed("string"))}
	if e != nil {
		b.Value.Content["application/json"].Example = raw(e.Request())
		turtle.Example = string(e.Turtle)
	}
	b.Value.Content["text/turtle"] = turtle
	b.Value.Content["application/n-triples"] = &openapi3.MediaType{Schema: inline(typed("string"))}
	b.Value.Content["application/ld+json"] = &openapi3.MediaType{Schema: inline(typed("object"))}
	return b
}

// deployment adds the schemas of POST /apply.
func (s *schemas) deployment(p *plan.Plan, examples map[string]*example.Example) {
	one := &openapi3.Schema{
		Description:   "The declaration of a resource of any kind; its kind says which, its iri where.",
		Discriminator: &openapi3.Discriminator{PropertyName: "kind", Mapping: map[string]openapi3.MappingRef{}},
	}
	resources := typed("array")
	resources.Description, resources.Items = "The resources, in any order.", ref("Resource")
	resources.MaxItems = new(uint64(5000))
	for _, k := range p.Kinds {
		if k.Declare == "" {
			continue
		}
		name := k.Go + "Resource"
		addressed := &openapi3.Schema{Description: k.Comment, Required: []string{"iri", "kind"}}
		addressed.AllOf = openapi3.SchemaRefs{ref(k.Go + "Input")}
		s.put(name, addressed)
		one.OneOf = append(one.OneOf, ref(name))
		one.Discriminator.Mapping[k.Word] = openapi3.MappingRef{Ref: "#/components/schemas/" + name}
	}
	s.put("Resource", one)
	deployment := object("A whole deployment.", input)
	deployment.Required = []string{"resources"}
	deployment.Properties["resources"] = inline(resources)
	if e := examples["volume"]; e != nil {
		deployment.Example = map[string]any{"resources": []any{raw(e.Request())}}
	}
	s.put("Deployment", deployment)
}
