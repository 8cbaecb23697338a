package api

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/plan"
)

// form is the purpose of a schema. The same class has three: what is answered
// is open, so that old clients read new servers; what is sent is closed; a
// patch is closed too, nothing of it is required, and null removes.
type form uint8

const (
	answer form = iota
	input
	patch
)

func (f form) suffix() string { return [...]string{"", "Input", "Patch"}[f] }

// refMax is the longest reference, in characters, that a request may carry.
const refMax = 2048

// schemas are the schemas of all classes, by name, and the names that two of
// them share.
type schemas struct {
	all   openapi3.Schemas
	made  map[string]bool // value classes and maps, which several fields use
	twice []string
}

func (s *schemas) put(name string, one *openapi3.Schema) {
	if s.all[name] != nil {
		s.twice = append(s.twice, name)
	}
	s.all[name] = inline(one)
}

func ref(name string) *openapi3.SchemaRef {
	return &openapi3.SchemaRef{Ref: "#/components/schemas/" + name}
}

func typed(name string) *openapi3.Schema { return &openapi3.Schema{Type: &openapi3.Types{name}} }

func inline(s *openapi3.Schema) *openapi3.SchemaRef { return &openapi3.SchemaRef{Value: s} }

func object(comment string, f form) *openapi3.Schema {
	s := typed("object")
	s.Description, s.Properties = comment, openapi3.Schemas{}
	if f != answer {
		s.AdditionalProperties.Has = new(false)
	}
	return s
}

func text(comment string) *openapi3.Schema {
	s := typed("string")
	s.Description = comment
	return s
}

// kind adds the schemas of a kind: Container, ContainerInput, ContainerPatch.
func (s *schemas) kind(p *plan.Plan, k *plan.Kind) {
	s.answered(p, k)
	if !k.Singleton {
		s.list(k)
	}
	if k.Declare == "" {
		return
	}
	for _, f := range []form{input, patch} {
		whole := object(k.Comment, f)
		s.owned(whole, k)
		if f == input {
			whole.Properties["status"] = ref("Observed")
		} else {
			whole.Description = "A merge patch: members to set, null for members to remove. " + whole.Description
		}
		s.fields(whole, k.Declared, f)
		s.kept(whole, k, f)
		s.put(k.Go+f.suffix(), whole)
	}
}

// owned adds what the address of a resource says about it.
func (s *schemas) owned(whole *openapi3.Schema, k *plan.Kind) {
	kind := text("The kind of the resource.")
	kind.Enum = []any{k.Word}
	whole.Properties["iri"] = inline(text("The address of the resource: it names it and answers HTTPS."))
	whole.Properties["kind"] = inline(kind)
	if !k.Singleton {
		whole.Properties["name"] = inline(text("The last part of the address."))
	}
	if k.InProduct {
		whole.Properties["product"] = inline(text("The product that the resource belongs to."))
	}
}

// answered is what a GET answers.
func (s *schemas) answered(p *plan.Plan, k *plan.Kind) {
	whole := object(k.Comment, answer)
	s.owned(whole, k)
	whole.Properties["iri"].Value.Format = "uri"
	whole.Required = []string{"iri", "kind"}
	if !k.Singleton {
		whole.Required = append(whole.Required, "name")
	}
	if k.InProduct && !k.InCluster {
		whole.Required = append(whole.Required, "product")
	}
	var shown []*plan.Field
	for _, f := range k.Declared {
		if !f.Sensitive {
			shown = append(shown, f)
		}
	}
	s.fields(whole, shown, answer)
	status := object("What the platform observes of "+k.Article+".", answer)
	s.fields(status, p.Head, answer)
	s.fields(status, k.Observed, answer)
	status.Required = []string{"phase", "revision", "createdAt", "updatedAt", "changedBy"}
	s.put(k.Go+"Status", status)
	whole.Properties["status"] = ref(k.Go + "Status")
	whole.Required = append(whole.Required, "status")
	s.put(k.Go, whole)
}

// list adds the schema of a page.
func (s *schemas) list(k *plan.Kind) {
	whole := object("A page of "+k.Plural+", in the order of their names.", answer)
	items := typed("array")
	items.Items, items.Description = ref(k.Go), "The resources of this page."
	next := text("Address of the next page; absent on the last.")
	whole.Properties["items"], whole.Properties["next"] = inline(items), inline(next)
	whole.Required = []string{"items"}
	s.put(k.Go+"List", whole)
}

// fields adds properties and says which are required: in answers those with
// defaults too, in patches none.
func (s *schemas) fields(whole *openapi3.Schema, fields []*plan.Field, f form) {
	for _, field := range fields {
		whole.Properties[field.Name] = s.field(field, f)
		if f != patch && field.Required || f == answer && field.Default != "" {
			whole.Required = append(whole.Required, field.Name)
		}
	}
}

// kept says which of several write-only fields may come together: one at most.
func (s *schemas) kept(whole *openapi3.Schema, k *plan.Kind, f form) {
	if len(k.OneOf) == 0 || f == patch {
		return
	}
	whole.Not = two(k.OneOf)
	whole.Description += fmt.Sprintf(" Exactly one of %s is kept: the first declaration has one, a later one may leave it out.", strings.Join(k.OneOf, ", "))
}

// value adds the schemas of a value class, those that are used.
func (s *schemas) value(v *plan.Value, f form) *openapi3.SchemaRef {
	name := v.Go + f.suffix()
	if s.made[name] {
		return ref(name)
	}
	s.made[name] = true
	whole := object(v.Comment, f)
	s.put(name, whole)
	s.fields(whole, v.Fields, f)
	whole.Nullable = f == patch
	for _, set := range v.Alternatives {
		s.alternatives(whole, v, set, f)
	}
	return ref(name)
}

// alternatives demands exactly one of some members. Where they are all there
// is, counting says so, which every tool understands.
func (s *schemas) alternatives(whole *openapi3.Schema, v *plan.Value, set []*plan.Field, f form) {
	if f == patch {
		return
	}
	if len(set) == len(v.Fields) && f == input {
		whole.MinProps, whole.MaxProps = 1, new(uint64(1))
		return
	}
	var names []string
	for _, field := range set {
		whole.AnyOf = append(whole.AnyOf, inline(&openapi3.Schema{Required: []string{field.Name}}))
		names = append(names, field.Name)
	}
	whole.Not = two(names)
}

// two is the schema of what has at least two of some members.
func two(names []string) *openapi3.SchemaRef {
	pairs := &openapi3.Schema{}
	for i, name := range names {
		for _, other := range names[i+1:] {
			pairs.AnyOf = append(pairs.AnyOf, inline(&openapi3.Schema{Required: []string{name, other}}))
		}
	}
	if len(pairs.AnyOf) == 1 {
		return pairs.AnyOf[0]
	}
	return inline(pairs)
}

// field is the schema of a field with all its values.
func (s *schemas) field(field *plan.Field, f form) *openapi3.SchemaRef {
	one := s.one(field, f)
	if field.Form == base.Single {
		if one.Ref != "" {
			return one
		}
		describe(one.Value, field, f)
		return one
	}
	if field.Form == base.Map {
		return s.mapped(field, one, f)
	}
	whole := typed("array")
	whole.Items, whole.UniqueItems = one, field.Form == base.Set
	if f != answer {
		whole.MinItems, whole.MaxItems = uint64(field.MinItems), new(uint64(field.MaxItems))
	}
	describe(whole, field, f)
	return inline(whole)
}

// mapped adds the schema of a map, under a name of its own: generators give
// types without a name names that nobody would choose.
func (s *schemas) mapped(field *plan.Field, one *openapi3.SchemaRef, f form) *openapi3.SchemaRef {
	class, property, _ := strings.Cut(strings.TrimPrefix(field.Shape, base.Ontology), "-")
	name := class + strings.ToUpper(property[:1]) + property[1:] + "Map" + f.suffix()
	whole := typed("object")
	whole.AdditionalProperties.Schema = one
	if f == input {
		whole.MinProps, whole.MaxProps = uint64(field.MinItems), new(uint64(field.MaxItems))
	}
	if one.Value != nil {
		one.Value.Nullable = f == patch
	}
	describe(whole, field, f)
	whole.Extensions = map[string]any{"x-picloud-key": keyRule(field.Key)}
	if !s.made[name] { // inherited fields are mapped once
		s.made[name] = true
		s.put(name, whole)
	}
	return ref(name)
}

// keyRule is what the names of a map are like; OpenAPI 3.0 cannot say it.
func keyRule(key *plan.Field) map[string]any {
	rule := map[string]any{"description": key.Comment}
	if key.Type == base.TypeString {
		rule["minLength"], rule["maxLength"] = key.MinLength, key.MaxLength
		if key.Scalar.Scalar.Pattern != "" {
			rule["pattern"] = key.Scalar.Scalar.Pattern
		}
	}
	return rule
}

// describe says what a field is for. Defaults are told, not declared: clients
// made from this document must not send what nobody asked for.
func describe(s *openapi3.Schema, field *plan.Field, f form) {
	s.Description = field.Comment
	if field.Default != "" && f == input {
		s.Description += " Default: " + field.Default + "."
	}
	if field.Immutable && f != answer {
		s.Description += " It never changes."
	}
	s.WriteOnly = field.Sensitive
	s.Nullable = f == patch && !field.Required
	if field.Unit != "" && field.Form == base.Single {
		s.Extensions = map[string]any{"x-picloud-unit": field.Unit}
	}
}

// one is the schema of one value.
func (s *schemas) one(field *plan.Field, f form) *openapi3.SchemaRef {
	switch field.Type {
	case base.TypeObject:
		if field.Value != nil {
			return s.one(field.Value, f)
		}
		return s.value(field.Object, f)
	case base.TypeEnum:
		return inline(tokens(field.Enum, f))
	case base.TypeRef:
		reference := typed("string")
		if f == answer {
			reference.Format = "uri"
		} else {
			reference.MinLength, reference.MaxLength = 1, new(uint64(refMax))
		}
		return inline(reference)
	case base.TypeBoolean:
		return inline(typed("boolean"))
	case base.TypeDateTime:
		moment := typed("string")
		moment.Format = "date-time"
		return inline(moment)
	case base.TypeInteger, base.TypeDouble:
		return inline(number(field, f))
	}
	return inline(words(field, f))
}

func number(field *plan.Field, f form) *openapi3.Schema {
	s := typed("number")
	s.Format = "double"
	if field.Type == base.TypeInteger {
		s = typed("integer")
		s.Format = "int64"
	}
	if f != answer {
		s.Min, s.Max = float(field.Min), float(field.Max)
	}
	return s
}

func float(i *int64) *float64 {
	if i == nil {
		return nil
	}
	return new(float64(*i))
}

func words(field *plan.Field, f form) *openapi3.Schema {
	s := typed("string")
	if f == answer {
		return s
	}
	s.MinLength, s.MaxLength = uint64(field.MinLength), new(uint64(field.MaxLength))
	s.Pattern = field.Scalar.Scalar.Pattern
	return s
}

// tokens are the members of an enumeration. In a patch they are a pattern: null
// removes, and null is no member of any enumeration.
func tokens(e *plan.Enum, f form) *openapi3.Schema {
	s := typed("string")
	var all []string
	for _, t := range e.Tokens {
		s.Enum = append(s.Enum, t.Token.Token)
		all = append(all, regexp.QuoteMeta(t.Token.Token))
	}
	switch f {
	case patch:
		s.Enum, s.Pattern = nil, "^("+strings.Join(all, "|")+")$"
	case answer: // a newer server may know more
		s.Enum, s.Extensions = nil, map[string]any{"x-picloud-tokens": s.Enum}
	}
	return s
}
