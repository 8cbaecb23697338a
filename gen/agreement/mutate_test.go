package agreement

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// tree is JSON as encoding/json reads it with UseNumber.
type tree = map[string]any

// kase is one input and what is known about it.
type kase struct {
	kind, name string
	value      tree
	valid      bool
	// left are the statements that cannot judge it, with the reason.
	left map[statement]string
}

type statement string

const (
	goCode     statement = "Go"
	jsonSchema statement = "JSON Schema"
	openAPI    statement = "OpenAPI"
	shapes     statement = "SHACL"
	pySHACL    statement = "pyshacl" // the same shapes, by an engine that is not ours
)

// Reasons why a statement cannot judge a case.
const (
	noKeys   = "OpenAPI 3.0 has no propertyNames: it cannot say what the keys of a map are like"
	noType   = "RDF has no value of that JSON type in this place"
	noFloat  = "beyond ±2^53 no two JSON readers need to read the same number"
	lastLine = "the $ of Python also matches before a final line feed, unlike that of XPath"
)

// mutator makes cases from an example of a class.
type mutator struct {
	model *base.Model
	kind  string
	whole tree
	cases []kase
}

// add keeps the whole as it is now as a case.
func (m *mutator) add(name string, valid bool, left map[statement]string) {
	m.cases = append(m.cases, kase{m.kind, name, clone(m.whole).(tree), valid, left})
}

func clone(v any) any {
	switch v := v.(type) {
	case tree:
		c := tree{}
		for name, inner := range v {
			c[name] = clone(inner)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, inner := range v {
			c[i] = clone(inner)
		}
		return c
	}
	return v
}

// with sets a member for the length of one case.
func (m *mutator) with(at tree, member string, v any, name string, valid bool, left map[statement]string) {
	before, was := at[member]
	at[member] = v
	m.add(name, valid, left)
	delete(at, member)
	if was {
		at[member] = before
	}
}

// without removes members for the length of one case.
func (m *mutator) without(at tree, members []string, name string, valid bool) {
	before := maps.Clone(at)
	for _, member := range members {
		delete(at, member)
	}
	m.add(name, valid, nil)
	maps.Copy(at, before)
}

// object mutates what is declared of a class at one place.
func (m *mutator) object(class *base.Class, at tree, path string, key string) {
	m.with(at, "nonsense", "x", path+"/nonsense: unknown", false, nil)
	m.alternatives(class, at, path)
	m.oneOf(class, at, path)
	for _, f := range class.Fields {
		if f.Observed || f.Name == key {
			continue
		}
		v, present := at[f.Name]
		if !present {
			continue
		}
		here := path + "/" + f.Name
		if f.Required {
			m.without(at, []string{f.Name}, here+": missing", false)
		} else if !alternative(class, f) && !f.Sensitive {
			m.without(at, []string{f.Name}, here+": left out", true)
		}
		m.field(f, at, v, here)
	}
}

func alternative(class *base.Class, f *base.Field) bool {
	return slices.ContainsFunc(class.Alternatives, func(set []string) bool { return slices.Contains(set, f.Name) })
}

func (m *mutator) alternatives(class *base.Class, at tree, path string) {
	for _, set := range class.Alternatives {
		m.without(at, set, path+": none of "+strings.Join(set, ", "), false)
		for _, name := range set {
			if _, present := at[name]; !present {
				if v, ok := m.sample(class.Field(name)); ok {
					m.with(at, name, v, path+": "+name+" as well", false, nil)
				}
			}
		}
	}
}

func (m *mutator) oneOf(class *base.Class, at tree, path string) {
	for _, name := range class.OneOf {
		if _, present := at[name]; present {
			continue
		}
		if v, ok := m.sample(class.Field(name)); ok {
			m.with(at, name, v, path+": "+name+" as well", false, nil)
		}
	}
}

// sample is some value of a field.
func (m *mutator) sample(f *base.Field) (any, bool) {
	one, ok := m.one(f)
	switch {
	case !ok:
		return nil, false
	case f.Form == base.Map:
		return tree{"some-key": one}, true
	case f.Form != base.Single:
		return []any{one}, true
	}
	return one, true
}

func (m *mutator) one(f *base.Field) (any, bool) {
	switch f.Type {
	case base.TypeEnum:
		return m.model.Enum(f.Enum).Tokens[0].Token, true
	case base.TypeBoolean:
		return true, true
	case base.TypeObject:
		class := m.model.Class(f.Object)
		if f.Value != "" {
			return m.one(class.Field(f.Value))
		}
		return m.filled(class, f.Key)
	case base.TypeRef:
		return m.reference(f)
	case base.TypeInteger:
		return json.Number(strconv.FormatInt(*f.Min, 10)), true
	case base.TypeString:
		return m.model.Scalar(f.Scalar).Example, true
	}
	return nil, false
}

// filled is an object with what is required, and one of each alternatives.
func (m *mutator) filled(class *base.Class, key string) (any, bool) {
	v := tree{}
	for _, f := range class.Fields {
		first := slices.ContainsFunc(class.Alternatives, func(set []string) bool { return set[0] == f.Name })
		if f.Name == key || !f.Required && !first {
			continue
		}
		inner, ok := m.sample(f)
		if !ok {
			return nil, false
		}
		v[f.Name] = inner
	}
	return v, true
}

func (m *mutator) reference(f *base.Field) (any, bool) {
	target := m.model.Class(f.Target)
	if target == nil {
		return "https://elsewhere.example.org/thing", true
	}
	if target.Abstract {
		target = m.model.Class(target.Kinds[0])
	}
	if target.Singleton {
		return nil, false
	}
	product := base.Ref("")
	if target.InProduct {
		product = "/products/photo-app"
	}
	return root + string(target.RefTo(product, "some-name")), true
}

// field mutates a member that is there.
func (m *mutator) field(f *base.Field, at tree, v any, here string) {
	m.wrongType(f, at, v, here)
	switch v := v.(type) {
	case []any:
		m.items(f, at, v, here)
	case tree:
		if f.Form == base.Map {
			m.members(f, at, v, here)
		} else {
			m.object(m.model.Class(f.Object), v, here, "")
		}
	default:
		m.value(f, here, func(v any, name string, valid bool, left map[statement]string) {
			m.with(at, f.Name, v, name, valid, left)
		})
	}
}

func (m *mutator) wrongType(f *base.Field, at tree, v any, here string) {
	left := map[statement]string{shapes: noType, pySHACL: noType}
	switch v.(type) {
	case string:
		m.with(at, f.Name, json.Number("7"), here+": a number", false, nil)
		m.with(at, f.Name, []any{v}, here+": a list", false, left)
	case json.Number, bool:
		m.with(at, f.Name, "seven", here+": a text", false, nil)
		m.with(at, f.Name, tree{}, here+": an object", false, left)
	case []any, tree:
		m.with(at, f.Name, "text", here+": a text", false, left)
		m.with(at, f.Name, true, here+": true", false, left)
	}
}

// items mutates a set or list.
func (m *mutator) items(f *base.Field, at tree, v []any, here string) {
	if len(v) == 0 {
		return
	}
	item := here + "/0"
	m.value(f, item, func(one any, name string, valid bool, left map[statement]string) {
		if f.Form == base.Set && slices.Contains(v[1:], one) {
			return
		}
		m.with(at, f.Name, append([]any{one}, v[1:]...), name, valid, left)
	})
	many := make([]any, f.MaxItems+1)
	for i := range many {
		if many[i] = v[0]; f.Form == base.Set {
			text, ok := v[0].(string)
			if !ok || f.Type == base.TypeEnum {
				return
			}
			many[i] = text + strconv.Itoa(i)
		}
	}
	m.with(at, f.Name, many, fmt.Sprintf("%s: %d values", here, len(many)), false, nil)
	m.with(at, f.Name, many[1:], fmt.Sprintf("%s: %d values", here, len(many)-1), true, nil)
}

// members mutates a map.
func (m *mutator) members(f *base.Field, at tree, v tree, here string) {
	class := m.model.Class(f.Object)
	keys := slices.Sorted(maps.Keys(v))
	if len(keys) == 0 {
		return
	}
	for _, key := range keys {
		if f.Value != "" {
			m.value(class.Field(f.Value), here+"/"+key, func(one any, name string, valid bool, left map[statement]string) {
				m.with(v, key, one, name, valid, left)
			})
		} else if inner, ok := v[key].(tree); ok {
			m.object(class, inner, here+"/"+key, f.Key)
		}
	}
	if key := class.Field(f.Key); key.Type == base.TypeString && m.model.Scalar(key.Scalar).Pattern != "" {
		m.with(v, "no key!", v[keys[0]], here+": bad key", false, map[statement]string{openAPI: noKeys})
	}
	for n, valid := range map[int]bool{f.MaxItems: true, f.MaxItems + 1: false} {
		many := tree{}
		for i := range n {
			many[keys[0]+strconv.Itoa(i)] = v[keys[0]]
		}
		if class.Field(f.Key).Type != base.TypeEnum {
			m.with(at, f.Name, many, fmt.Sprintf("%s: %d members", here, n), valid, nil)
		}
	}
}

// value gives values of a simple type at and over its bounds.
func (m *mutator) value(f *base.Field, here string, try func(v any, name string, valid bool, left map[statement]string)) {
	switch f.Type {
	case base.TypeEnum:
		for _, t := range m.model.Enum(f.Enum).Tokens {
			try(t.Token, here+": "+t.Token, true, nil)
		}
		try("nonsense", here+": bad token", false, nil)
	case base.TypeInteger:
		m.number(f, here, try)
	case base.TypeString:
		m.text(f, here, try)
	}
}

func (m *mutator) number(f *base.Field, here string, try func(any, string, bool, map[statement]string)) {
	number := func(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }
	try(json.Number("1.5"), here+": 1.5", false, nil)
	if f.Min != nil {
		try(number(*f.Min), here+": least", true, nil)
		try(number(*f.Min-1), here+": too small", false, nil)
	}
	if f.Max != nil {
		try(number(*f.Max), here+": most", true, nil)
		left := map[statement]string{}
		if *f.Max >= base.MaxInteger {
			left[jsonSchema], left[openAPI] = noFloat, noFloat
		}
		try(number(*f.Max+1), here+": too large", false, left)
	}
}

func (m *mutator) text(f *base.Field, here string, try func(any, string, bool, map[statement]string)) {
	pattern := m.model.Scalar(f.Scalar).Pattern
	if pattern != "" {
		for _, wrong := range []string{"\x01 no!", " no ", "no\n"} {
			var left map[statement]string
			if strings.HasSuffix(wrong, "\n") {
				left = map[statement]string{pySHACL: lastLine}
			}
			try(wrong, fmt.Sprintf("%s: %q", here, wrong), regexp.MustCompile(pattern).MatchString(wrong), left)
		}
	} else {
		try(strings.Repeat("é", f.MaxLength), here+": longest", true, nil)
	}
	try(strings.Repeat("a", f.MaxLength+1), here+": too long", false, nil)
	if f.MinLength > 0 {
		try("", here+": empty", false, nil)
	}
}
