package example

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/runtime/lang"
	"github.com/picloud/picloud/runtime/rdf"
)

// Root is where the examples lie.
const Root = "https://picloud.local"

// Example is one example of a kind.
type Example struct {
	Kind   *plan.Kind
	Ref    base.Ref
	Turtle []byte
	// Value is what is declared, in the shape of JSON; what is observed is not
	// part of it.
	Value *base.Value
}

// Valid are the valid examples of all kinds, by word.
func Valid(p *plan.Plan) (map[string]*Example, error) {
	examples := map[string]*Example{}
	for _, k := range p.Kinds {
		for _, e := range p.Model.Source.Examples {
			if e.Word != k.Word || !e.Valid {
				continue
			}
			one, violations, err := Read(p, k, e)
			if err != nil {
				return nil, err
			}
			if len(violations) > 0 {
				return nil, fmt.Errorf("%s: %s", e.Name, violations[0])
			}
			examples[k.Word] = one
		}
	}
	return examples, nil
}

// Read reads one example, with the violations of its form.
func Read(p *plan.Plan, k *plan.Kind, e load.Example) (*Example, []base.Violation, error) {
	var quads []base.Placed
	subject := base.Term{}
	err := rdf.Parse(bytes.NewReader(e.Content), rdf.Turtle, rdf.Options{}, func(s rdf.Statement) error {
		quads = append(quads, base.Placed{
			Quad: s.Quad, Subject: place(s.Subject), Predicate: place(s.Predicate), Object: place(s.Object),
		})
		if s.Quad.P.Value == base.RDFType && s.Quad.O.Value == k.IRI {
			subject = s.Quad.S
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", e.Name, err)
	}
	if subject.IsZero() {
		return nil, nil, fmt.Errorf("%s describes no %s", e.Name, k.Label)
	}
	v, violations := base.ReadGraph(p.Model.Model, k.Class, Root, subject, quads)
	return &Example{k, base.Ref(strings.TrimPrefix(subject.Value, Root)), e.Content, v}, violations, nil
}

func place(p rdf.Pos) base.Place { return base.Place{Line: p.Line, Column: p.Col} }

// Request is the body of a PUT that declares the example.
func (e *Example) Request() *base.Value { return e.with(nil) }

// Picloud is the example in the language that people write. Write-only values
// are not part of it: files name where those come from.
func (e *Example) Picloud(model *base.Model) ([]byte, error) {
	class, address, violation := model.AddressOf(e.Ref)
	if violation != nil {
		return nil, fmt.Errorf("%s: %s", e.Ref, violation.Message)
	}
	resource := &lang.Resource{Class: class, Address: address, Value: e.Value}
	return lang.Print(model, Root, []*lang.Resource{resource}), nil
}

// Answer is the body of a GET of it: defaults filled in, the address before
// them, what is observed of every resource behind them, secrets left out.
func (e *Example) Answer() *base.Value {
	moment := "2026-11-22T20:31:07.114Z"
	status := object(
		member("phase", text(e.Kind.Initial.Token.Token)),
		member("revision", number("184")),
		member("createdAt", text(moment)),
		member("updatedAt", text(moment)),
		member("changedBy", text(Root+"/events/184")),
	)
	return e.with(status)
}

func (e *Example) with(status *base.Value) *base.Value {
	v := object(member("iri", text(string(e.Ref.Absolute(Root)))), member("kind", text(e.Kind.Word)))
	if name := e.Ref.Name(); name != "" {
		v.Members = append(v.Members, member("name", text(name)))
	}
	if product := e.Ref.Product(); product != "" {
		v.Members = append(v.Members, member("product", text(product.Absolute(Root))))
	}
	if status == nil {
		v.Members = append(v.Members, e.Value.Members...)
		return v
	}
	for _, f := range e.Kind.Declared {
		value := e.Value.Get(f.Name)
		if value == nil {
			value = standard(f)
		}
		if value != nil && !f.Sensitive {
			v.Members = append(v.Members, member(f.Name, value))
		}
	}
	v.Members = append(v.Members, member("status", status))
	return v
}

// standard is the default of a field, or nil.
func standard(f *plan.Field) *base.Value {
	switch {
	case f.Default == "":
		return nil
	case f.Type == base.TypeBoolean:
		return &base.Value{Kind: base.BoolValue, Bool: f.Default == "true"}
	case f.Type == base.TypeInteger || f.Type == base.TypeDouble:
		return number(f.Default)
	}
	return text(f.Default)
}

func object(members ...*base.Member) *base.Value {
	return &base.Value{Kind: base.ObjectValue, Members: members}
}

func member(name string, v *base.Value) *base.Member { return &base.Member{Name: name, Value: v} }
func text(s string) *base.Value                      { return &base.Value{Kind: base.StringValue, Text: s} }
func number(s string) *base.Value                    { return &base.Value{Kind: base.NumberValue, Text: s} }
