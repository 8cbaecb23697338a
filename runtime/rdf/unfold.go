package rdf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/piprate/json-gold/ld"

	"github.com/picloud/picloud/gen/base"
)

var errMalformed = errors.New("the document is malformed: a value stands where its keyword does not allow it")

// unfolder makes quads of an expanded JSON-LD document (JSON-LD 1.1 API,
// section 8.1 without the detour over a node map). Objects have lost the order
// of their members; they are taken in the order of their names.
type unfolder struct {
	labels labeller
	quads  []base.Quad
}

func unfold(nodes []any, blankPrefix string) ([]base.Quad, error) {
	u := unfolder{labels: labeller{prefix: blankPrefix}}
	err := u.nodes(nodes, base.Term{})
	return u.quads, err
}

func (u *unfolder) nodes(nodes any, graph base.Term) error {
	list, ok := nodes.([]any)
	if !ok {
		return errMalformed
	}
	for _, n := range list {
		if _, err := u.object(n, graph); err != nil {
			return err
		}
	}
	return nil
}

func (u *unfolder) state(s, p, o, g base.Term) {
	u.quads = append(u.quads, base.Quad{S: s, P: p, O: o, G: g})
}

// object is the term of a node, a value or a list, whose quads it states.
func (u *unfolder) object(v any, graph base.Term) (base.Term, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return base.Term{}, errMalformed
	}
	if _, ok := m["@value"]; ok {
		return value(m)
	}
	if list, ok := m["@list"]; ok {
		return u.list(list, graph)
	}
	return u.node(m, graph)
}

func (u *unfolder) node(m map[string]any, graph base.Term) (base.Term, error) {
	var s base.Term
	switch id := m["@id"].(type) {
	case nil:
		s = u.labels.fresh()
	case string:
		s = u.resource(id)
	default:
		return s, errMalformed
	}
	for _, name := range sortedKeys(m) {
		var err error
		switch name {
		case "@id", "@index":
		case "@type":
			err = u.types(s, m[name], graph)
		case "@graph":
			err = u.nodes(m[name], s)
		case "@included":
			err = u.nodes(m[name], graph)
		case "@reverse":
			err = u.reverse(s, m[name], graph)
		default:
			err = u.property(s, name, m[name], graph)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func (u *unfolder) resource(name string) base.Term {
	if label, ok := strings.CutPrefix(name, "_:"); ok {
		return u.labels.labelled(label)
	}
	return base.IRI(name)
}

func (u *unfolder) types(s base.Term, v any, graph base.Term) error {
	list, ok := v.([]any)
	if !ok {
		return errMalformed
	}
	for _, t := range list {
		name, ok := t.(string)
		if !ok {
			return errMalformed
		}
		u.state(s, base.IRI(base.RDFType), u.resource(name), graph)
	}
	return nil
}

func (u *unfolder) property(s base.Term, name string, v any, graph base.Term) error {
	if strings.HasPrefix(name, "@") {
		return fmt.Errorf("the keyword %s cannot stand there", clip(name))
	}
	list, ok := v.([]any)
	if !ok {
		return errMalformed
	}
	for _, item := range list {
		o, err := u.object(item, graph)
		if err != nil {
			return err
		}
		u.state(s, u.resource(name), o, graph)
	}
	return nil
}

func (u *unfolder) reverse(o base.Term, v any, graph base.Term) error {
	m, ok := v.(map[string]any)
	if !ok {
		return errMalformed
	}
	for _, name := range sortedKeys(m) {
		list, ok := m[name].([]any)
		if !ok {
			return errMalformed
		}
		for _, item := range list {
			s, err := u.object(item, graph)
			if err != nil {
				return err
			}
			u.state(s, u.resource(name), o, graph)
		}
	}
	return nil
}

// list makes the cells of a list, the last first.
func (u *unfolder) list(v any, graph base.Term) (base.Term, error) {
	items, ok := v.([]any)
	if !ok {
		return base.Term{}, errMalformed
	}
	rest := base.IRI(base.RDFNil)
	for _, item := range slices.Backward(items) {
		first, err := u.object(item, graph)
		if err != nil {
			return rest, err
		}
		cell := u.labels.fresh()
		u.state(cell, base.IRI(base.RDFFirst), first, graph)
		u.state(cell, base.IRI(base.RDFRest), rest, graph)
		rest = cell
	}
	return rest, nil
}

// value makes the literal of a value object (JSON-LD 1.1 API, section 8.2.2).
func value(m map[string]any) (base.Term, error) {
	datatype, _ := m["@type"].(string)
	if datatype == "@json" {
		return jsonLiteral(m["@value"])
	}
	typed := func(lexical, native string) (base.Term, error) {
		if datatype == "" {
			datatype = native
		}
		return base.Typed(lexical, datatype), nil
	}
	switch v := m["@value"].(type) {
	case string:
		if lang, ok := m["@language"].(string); ok {
			return base.LangString(v, lang), nil
		}
		return typed(v, base.XSDString)
	case bool:
		return typed(base.Boolean(v).Value, base.XSDBoolean)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e21 && datatype != base.XSDDouble {
			return typed(strconv.FormatFloat(v, 'f', 0, 64), base.XSDInteger)
		}
		return typed(ld.GetCanonicalDouble(v), base.XSDDouble)
	}
	return base.Term{}, errMalformed
}

// jsonLiteral is the rdf:JSON literal of a value: sorted names, no white space,
// as RFC 8785 has it for all names of the Basic Multilingual Plane.
func jsonLiteral(v any) (base.Term, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return base.Term{}, fmt.Errorf("the @json value cannot be written as JSON: %w", err)
	}
	return base.Typed(strings.TrimSuffix(out.String(), "\n"), base.RDF+"JSON"), nil
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
