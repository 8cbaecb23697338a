package http_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/picloud/picloud/generated/schema"
)

// TestTheServerJudgesAsItsSchemasSay sends what the JSON Schema of a kind
// judges: the example, and changes of every member of it. What a schema
// refuses the server refuses, what it allows the server refuses only for rules
// that look beyond the body.
func TestTheServerJudgesAsItsSchemasSay(t *testing.T) {
	c, paths := everyKind(t)
	position := c.position()
	judged := 0
	for _, path := range paths {
		whole := c.json(c.do("GET", path, ""))
		kind := whole["kind"].(string)
		compiled := compileSchema(t, kind)
		for change := range changes(whole) {
			text, _ := json.Marshal(whole)
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			refusal := compiled.Validate(value)
			got := c.do("POST", "/apply?dry-run=true&take-over=true&deployment=x", resources(string(text)))
			judged++
			if refusal != nil && got.StatusCode != 422 && got.StatusCode != 400 {
				t.Errorf("%s, %s: the schema refuses, the server answers %d\n%s\n%v", kind, change, got.StatusCode, text, refusal)
			}
			if refusal == nil && !beyondTheBody(c, got) {
				t.Errorf("%s, %s: the schema allows, the server answers %d\n%s\n%s", kind, change, got.StatusCode, text, got.body)
			}
		}
	}
	if c.position() != position {
		t.Error("dry runs moved the log")
	}
	if judged < 1500 {
		t.Errorf("only %d cases", judged)
	}
	t.Log(judged, "cases")
}

func compileSchema(t *testing.T, kind string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.KindSchema(kind)))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	iri := "https://picloud.local/schemas/" + kind
	if err := compiler.AddResource(iri, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(iri)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// beyondTheBody reports whether a verdict is good, or follows from what a
// schema cannot see: the address, what is there already, what is referred to, and
// what a text says in a language of its own.
func beyondTheBody(c *cluster, a answer) bool {
	if a.StatusCode == 200 || a.StatusCode == 409 {
		return true
	}
	violations, _ := c.json(a)["violations"].([]any)
	for _, v := range violations {
		switch v := v.(map[string]any); v["id"] {
		case "reference", "name", "foreign", "circle", "turtle":
		default:
			if !slices.Contains([]string{"/resources/0/iri", "/resources/0/kind", "/resources/0/name", "/resources/0/product"}, fmt.Sprint(v["pointer"])) {
				return false
			}
		}
	}
	return len(violations) > 0
}

// changes yields after each change of a tree, which is undone before the next.
func changes(tree map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		if yield("unchanged") {
			change("", tree, yield)
		}
	}
}

func change(at string, object map[string]any, yield func(string) bool) bool {
	object["unheardOf"] = "x"
	more := yield(at + "/unheardOf added")
	delete(object, "unheardOf")
	for _, name := range slices.Sorted(maps.Keys(object)) {
		was, here := object[name], at+"/"+name
		if !more || here == "/status" || here == "/iri" || here == "/kind" {
			continue
		}
		for _, other := range others(was) {
			object[name] = other
			more = more && yield(fmt.Sprintf("%s = %.40v", here, other))
		}
		delete(object, name)
		more = more && yield(here+" removed")
		object[name] = was
		if inner, ok := was.(map[string]any); ok {
			more = more && change(here, inner, yield)
		}
	}
	return more
}

// others are values that might or might not take the place of one.
func others(was any) []any {
	list := []any{true, "", -1.0, 1.5, []any{}, map[string]any{}}
	switch was := was.(type) {
	case string:
		list = append(list, was+" ", was+"\n", strings.ToUpper(was), strings.Repeat("a", 5000))
	case float64:
		list = append(list, 0.0, was+1, was*1000, 9007199254740991.0)
	case []any:
		list = append(list, append(slices.Clone(was), was...), append(slices.Clone(was), 7.0), []any{""})
	}
	return list
}
