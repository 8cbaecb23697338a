package schema

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o *object) set(name string, value any) { *o = append(*o, member{name, value}) }

// MarshalJSON writes the members in their order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		for j, v := range []any{m.name, m.value} {
			if j > 0 {
				b.WriteByte(':')
			}
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			if err := e.Encode(v); err != nil {
				return nil, err
			}
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// document lays a JSON document out for people.
func document(path string, o object) (write.File, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(o)
	return write.File{Path: folder + path, Content: b.Bytes()}, err
}

const dialect = "https://json-schema.org/draft/2020-12/schema"

// refMax is the longest reference, in characters, that a request may carry.
const refMax = 2048

// kindSchema is the schema of what a PUT takes.
func kindSchema(k *plan.Kind) object {
	d := &definitions{seen: map[string]bool{}}
	properties := object{
		{"iri", object{{"type", "string"}, {"description", "The address of the resource."}}},
		{"kind", object{{"const", k.Word}}},
		{"name", object{{"type", "string"}, {"description", "The last part of the address."}}},
	}
	if k.InProduct {
		properties.set("product", object{{"type", "string"}, {"description", "The product that the resource belongs to."}})
	}
	var required []string
	for _, f := range k.Declared {
		properties.set(f.Name, d.field(f))
		if f.Required {
			required = append(required, f.Name)
		}
	}
	properties.set("status", object{{"type", "object"}, {"readOnly", true}, {"description", "What the platform observes; ignored in requests."}})
	schema := object{
		{"$schema", dialect}, {"$id", "/schemas/" + k.Word}, {"title", k.Label}, {"description", k.Comment}, {"type", "object"},
		{"properties", properties},
	}
	if len(required) > 0 {
		schema.set("required", required)
	}
	if pairs := notTogether(k.OneOf); len(pairs) > 0 {
		schema.set("allOf", pairs)
	}
	schema.set("additionalProperties", false)
	return d.close(schema)
}

// notTogether says what can be seen of write-only alternatives in one
// document: not two of them.
func notTogether(fields []string) (pairs []object) {
	for i, a := range fields {
		for _, b := range fields[:i] {
			pairs = append(pairs, object{{"not", object{{"required", []string{b, a}}}}})
		}
	}
	return pairs
}

// eventSchema is the schema of the data of an event. It is open: a reader of
// this version takes the events of a later one.
func eventSchema(e *plan.Event) object {
	d := &definitions{seen: map[string]bool{}, open: true}
	properties := object{}
	var required []string
	for _, f := range e.Carried {
		properties.set(f.Name, d.field(f))
	}
	if e.Declaration {
		for _, f := range e.Kind.Declared {
			if f.Sensitive {
				continue
			}
			properties.set(f.Name, d.field(f))
			if f.Required {
				required = append(required, f.Name)
			}
		}
	}
	if e.Observation {
		for _, f := range e.Kind.Observed {
			if len(f.StampedBy) == 0 && !f.Quads {
				properties.set(f.Name, d.field(f))
			}
		}
	}
	id := "/schemas/events/" + strings.Replace(strings.TrimSuffix(e.Schema, ".json"), ".", "/", 1)
	schema := object{{"$schema", dialect}, {"$id", id}, {"title", e.Name}, {"description", e.Comment}, {"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		schema.set("required", required)
	}
	return d.close(schema)
}

// definitions are the value classes that a schema refers to.
type definitions struct {
	seen map[string]bool
	all  object
	open bool // other members are allowed
}

func (d *definitions) close(schema object) object {
	if len(d.all) > 0 {
		schema.set("$defs", d.all)
	}
	return schema
}

func (d *definitions) field(f *plan.Field) object {
	one := d.value(f)
	var schema object
	switch f.Form {
	case base.Single:
		schema = one
	case base.Map:
		schema = object{{"type", "object"}, {"propertyNames", d.key(f.Key)}, {"additionalProperties", one}}
		schema.counts("minProperties", "maxProperties", f)
	default:
		schema = object{{"type", "array"}, {"items", one}}
		schema.counts("minItems", "maxItems", f)
		if f.Form == base.Set {
			schema.set("uniqueItems", true)
		}
	}
	schema.set("description", f.Comment)
	switch {
	case f.Default == "":
	case f.Type == base.TypeString || f.Type == base.TypeEnum:
		schema.set("default", f.Default)
	default:
		schema.set("default", json.RawMessage(f.Default))
	}
	if f.Sensitive {
		schema.set("writeOnly", true)
	}
	return schema
}

func (o *object) counts(low, high string, f *plan.Field) {
	if f.MinItems > 0 {
		o.set(low, f.MinItems)
	}
	o.set(high, f.MaxItems)
}

// key is the schema of the names of a map. References are written as names
// there, or as addresses.
func (d *definitions) key(f *plan.Field) object {
	one := d.value(f)
	return object(one[1:]) // without its type: names are strings
}

// value is the schema of one value.
func (d *definitions) value(f *plan.Field) object {
	switch f.Type {
	case base.TypeObject:
		if f.Value != nil {
			return d.value(f.Value)
		}
		d.define(f.Object)
		return object{{"$ref", "#/$defs/" + f.Object.Name}}
	case base.TypeEnum:
		tokens := []string{}
		for _, t := range f.Enum.Tokens {
			tokens = append(tokens, t.Token.Token)
		}
		return object{{"type", "string"}, {"enum", tokens}}
	case base.TypeRef:
		return object{{"type", "string"}, {"minLength", 1}, {"maxLength", refMax}}
	case base.TypeBoolean:
		return object{{"type", "boolean"}}
	case base.TypeDateTime:
		return object{{"type", "string"}, {"format", "date-time"}}
	case base.TypeInteger, base.TypeDouble:
		schema := object{{"type", map[bool]string{true: "integer", false: "number"}[f.Type == base.TypeInteger]}}
		if f.Min != nil {
			schema.set("minimum", *f.Min)
		}
		if f.Max != nil {
			schema.set("maximum", *f.Max)
		}
		return schema
	}
	schema := object{{"type", "string"}}
	if f.MinLength > 0 {
		schema.set("minLength", f.MinLength)
	}
	schema.set("maxLength", f.MaxLength)
	if f.Scalar.Scalar.Pattern != "" {
		schema.set("pattern", f.Scalar.Scalar.Pattern)
	}
	return schema
}

// define adds a value class, once.
func (d *definitions) define(v *plan.Value) {
	if d.seen[v.Name] {
		return
	}
	d.seen[v.Name] = true
	properties := object{}
	var required []string
	for _, f := range v.Fields {
		properties.set(f.Name, d.field(f))
		if f.Required {
			required = append(required, f.Name)
		}
	}
	schema := object{{"title", v.Label}, {"description", v.Comment}, {"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		schema.set("required", required)
	}
	for _, set := range v.Alternatives {
		var one []object
		for _, f := range set {
			one = append(one, object{{"required", []string{f.Name}}})
		}
		schema.set("oneOf", one)
	}
	if !d.open {
		schema.set("additionalProperties", false)
	}
	d.all.set(v.Name, schema)
}

// context is the JSON-LD context: the type of every property.
func context(p *plan.Plan) object {
	terms := object{
		{"@vocab", base.Ontology}, {"pc", base.Ontology}, {"pm", base.Meta}, {"rdf", base.RDF}, {"rdfs", base.RDFS}, {"xsd", base.XSD},
		{"label", object{{"@id", "rdfs:label"}}}, {"first", object{{"@id", "rdf:first"}}}, {"rest", object{{"@id", "rdf:rest"}, {"@type", "@id"}}},
		{"index", object{{"@id", "pm:index"}, {"@type", "xsd:integer"}}},
	}
	types := propertyTypes(p)
	for _, t := range p.Terms {
		if name, ok := strings.CutPrefix(t.IRI, base.Ontology); ok && types[t.IRI] != "" {
			terms.set(name, object{{"@id", "pc:" + name}, {"@type", types[t.IRI]}})
		}
	}
	return object{{"@context", terms}}
}

// propertyTypes says how the values of each property are read; strings need
// nothing said.
func propertyTypes(p *plan.Plan) map[string]string {
	types := map[string]string{base.Ontology + "kind": "@id", base.Ontology + "product": "@id"}
	add := func(f *base.Field) {
		switch {
		case f.Form == base.List || f.Type == base.TypeRef || f.Type == base.TypeObject || f.Type == base.TypeEnum:
			types[f.IRI] = "@id"
		case f.Type != base.TypeString:
			types[f.IRI] = "xsd:" + [...]string{
				base.TypeInteger: "integer", base.TypeBoolean: "boolean", base.TypeDouble: "double", base.TypeDateTime: "dateTime",
			}[f.Type]
		}
	}
	for _, c := range p.Model.Model.Classes {
		for _, f := range c.Fields {
			add(f)
		}
	}
	for _, f := range p.Model.Envelope {
		add(f)
	}
	return types
}
