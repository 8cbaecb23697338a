package base_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

const api = root + "/products/shop/containers/api"

// triples reads one triple a line: terms as in Turtle, separated by blanks, ~
// standing for a blank inside a literal. Relative IRIs lie below api.
func triples(text string) []base.Placed {
	var quads []base.Placed
	for i, line := range strings.Split(text, "\n") {
		var q base.Placed
		at := 0
		for j, word := range strings.Fields(line) {
			at += strings.Index(line[at:], word)
			place := base.Place{Line: i + 1, Column: at + 1}
			at += len(word)
			switch j {
			case 0:
				q.S, q.Subject = term(word), place
			case 1:
				q.P, q.Predicate = term(word), place
			case 2:
				q.O, q.Object = term(word), place
			case 3:
				q.G = term(word)
			}
		}
		if !q.P.IsZero() {
			quads = append(quads, q)
		}
	}
	return quads
}

func term(word string) base.Term {
	for prefix, iri := range map[string]string{"pc:": base.Ontology, "pm:": base.Meta, "rdf:": base.RDF, "rdfs:": base.RDFS} {
		if rest, ok := strings.CutPrefix(word, prefix); ok {
			return base.IRI(iri + rest)
		}
	}
	literal, suffix, typed := strings.Cut(strings.ReplaceAll(word, "~", " "), "^^")
	text := strings.Trim(literal, `"`)
	switch {
	case word == "a":
		return base.IRI(base.RDFType)
	case strings.HasPrefix(word, "_:"):
		return base.Blank(word[2:])
	case strings.HasPrefix(word, "</"):
		return base.IRI(root + strings.Trim(word, "<>"))
	case strings.HasPrefix(word, "<http"):
		return base.IRI(strings.Trim(word, "<>"))
	case strings.HasPrefix(word, "<"):
		return base.IRI(api + strings.Trim(word, "<>"))
	case typed:
		return base.Typed(text, base.XSD+suffix)
	case strings.Contains(word, `"@`):
		value, lang, _ := strings.Cut(word, `"@`)
		return base.LangString(strings.TrimPrefix(value, `"`), lang)
	case word[0] == '"':
		return base.String(text)
	case word == "true" || word == "false":
		return base.Typed(word, base.XSDBoolean)
	case strings.Contains(word, "."):
		return base.Typed(word, base.XSDDecimal)
	}
	return base.Typed(word, base.XSDInteger)
}

func readAPI(text string) (string, string) {
	m := testModel()
	v, violations := base.ReadGraph(m, m.Class("Container"), root, base.IRI(api), triples(text))
	var lines []string
	for _, violation := range violations {
		lines = append(lines, fmt.Sprintf("%d:%d %s %s", violation.Line, violation.Column, violation.Pointer, violation.Message))
	}
	return string(base.AppendValue(nil, v)), strings.Join(lines, "\n")
}

func TestGraphOfAResourceGivesItsJSON(t *testing.T) {
	got, violations := readAPI(`
<> a pc:Container
<> rdfs:label "api"
<> pc:kind pc:Container
<> pc:name "api"
<> pc:product </products/shop>
<> pc:phase pc:Ready
<> pc:revision 184
<> pc:instances <#instances/x>
<#instances/x> pc:key "x"
<> pc:tags <#tags/team>
<#tags/team> a pc:Tag
<#tags/team> pc:key "team"
<#tags/team> pc:value "backend"
<> pc:image "photo-api:1.0.0"
<> pc:args <#args/0>
<#args/0> rdf:first "--port"
<#args/0> rdf:rest <#args/1>
<#args/0> pm:index 0
<#args/1> rdf:first "8080"
<#args/1> rdf:rest rdf:nil
<#args/1> pm:index 1
<> pc:env <#env/DB%20URL>
<> pc:env _:log
<#env/DB%20URL> a pc:EnvVar
<#env/DB%20URL> pc:key "DB~URL"
<#env/DB%20URL> pc:secret </products/shop/secrets/db>
_:log pc:key "LOG"
_:log pc:value "info"
<> pc:mounts <#mounts/media>
<#mounts/media> pc:volume </products/shop/volumes/media>
<#mounts/media> pc:path "/data"
<#mounts/media> pc:readOnly "0"^^boolean
<> pc:mounts <#mounts/blog%2Fmedia>
<#mounts/blog%2Fmedia> pc:volume </products/blog/volumes/media>
<#mounts/blog%2Fmedia> pc:path "/blog"
<> pc:probe _:p
_:p pc:http "/healthz"
_:p pc:tags _:q
_:q pc:key "k"
_:q pc:value "v"
<> pc:replicas "+007"^^integer
<> pc:restart pc:RestartOnFailure
<> pc:roles </roles/b>
<> pc:roles </roles/a>
<> pc:load "1.50E1"^^double
<> pc:since "2026-11-22T20:31:07.114Z"^^dateTime
<> pc:ports "-0"^^integer
<> pc:image "photo-api:1.0.0" </products/shop/graph>`)
	want := `{"tags":{"team":"backend"},"image":"photo-api:1.0.0","args":["--port","8080"],` +
		`"env":{"DB URL":{"secret":"https://picloud.local/products/shop/secrets/db"},"LOG":{"value":"info"}},` +
		`"mounts":{"blog/media":{"path":"/blog"},"media":{"path":"/data","readOnly":false}},` +
		`"probe":{"http":"/healthz","tags":{"k":"v"}},"replicas":7,"restart":"on-failure",` +
		`"roles":["https://picloud.local/roles/a","https://picloud.local/roles/b"],"load":15,"since":"2026-11-22T20:31:07.114Z","ports":[0]}`
	if got != want || violations != "" {
		t.Errorf("%s\n got %s\nwant %s", violations, got, want)
	}
}

func TestBlankListAndEmptyListAreRead(t *testing.T) {
	got, violations := readAPI(`<> pc:args _:a
_:a rdf:first "x"
_:a rdf:rest _:b
_:b a rdf:List
_:b rdf:first "y"
_:b rdf:rest rdf:nil`)
	if got != `{"args":["x","y"]}` || violations != "" {
		t.Error(got, violations)
	}
	if got, violations = readAPI(`<> pc:args rdf:nil`); got != `{"args":[]}` || violations != "" {
		t.Error(got, violations)
	}
}

func TestFaultsOfAGraphAreNamedWithPlaceAndNextStep(t *testing.T) {
	for _, test := range [][2]string{
		{`<> pc:imge "x"`, `1:4  a container has no property pc:imge; did you mean pc:image?`},
		{`<> <https://x.example/p> _:b` + "\n" + `_:b pc:x 1`, `1:4  a container has no property <https://x.example/p>`},
		{`<> a pc:Container` + "\n" + `<> a pc:Volume`, `2:6  <> is of the class pc:Container, not pc:Volume`},
		{`<> pc:name "web"`, `1:12  pc:name contradicts the address, which says "api"`},
		{`<> rdfs:label "web"`, `1:15  rdfs:label contradicts the address, which says "api"`},
		{`<> pc:product </products/blog>`, `1:15  pc:product contradicts the address, which says <https://picloud.local/products/shop>`},
		{`<> pc:replicas "2"`, `1:16 /replicas replicas: expected xsd:integer, found "2"^^xsd:string`},
		{`<> pc:replicas 2.5`, `1:16 /replicas replicas: expected xsd:integer, found "2.5"^^xsd:decimal`},
		{`<> pc:replicas "x"^^integer`, `1:16 /replicas replicas: "x" is no xsd:integer`},
		{`<> pc:image "x"@en`, `1:13 /image image: expected xsd:string, found "x"@en`},
		{`<> pc:image </roles/a>`, `1:13 /image image: expected xsd:string, found <https://picloud.local/roles/a>`},
		{`<> pc:load "INF"^^double`, `1:12 /load load: "INF" is no xsd:double`},
		{"<> pc:image \"x\"\n<> pc:image \"y\"", `2:13 /image image has more than one value`},
		{`<> pc:restart pc:RestartAlway`, `1:15 /restart restart: pc:RestartAlway is not one of pc:RestartAlways, pc:RestartOnFailure; did you mean pc:RestartAlways?`},
		{`<> pc:restart "always"`, `1:15 /restart restart: "always" is not one of pc:RestartAlways, pc:RestartOnFailure`},
		{`<> pc:roles "a"`, `1:13 /roles roles: expected the IRI of a resource, found "a"^^xsd:string`},
		{`<> pc:args "x"`, `1:12 /args args is a list; write ( "a" "b" )`},
		{"<> pc:args _:a\n_:a rdf:first \"x\"\n_:a rdf:rest _:a", `3:14 /args a blank node belongs to another place already`},
		{"<> pc:args _:a\n_:a rdf:first \"x\"", `1:12 /args args/0: a list cell has one rdf:first and one rdf:rest`},
		{"<> pc:args <#args/1>\n<#args/1> rdf:first \"x\"\n<#args/1> rdf:rest rdf:nil", `1:12 /args args: expected <#args/0> or a blank node, found <#args/1>`},
		{"<> pc:args _:a\n_:a rdf:first \"x\"\n_:a pm:index 3\n_:a rdf:rest rdf:nil", `3:14 /args args: this cell has the index 0, not "3"`},
		{"<> pc:env <#env/x>\n<#env/x> pc:key \"y\"\n<#env/x> pc:value \"v\"", `1:11 /env env: expected <#env/y> or a blank node, found <#env/x>`},
		{"<> pc:env _:a\n_:a pc:value \"v\"", `1:11 /env env: the key key is missing`},
		{"<> pc:env _:a\n<> pc:env _:b\n_:a pc:key \"k\"\n_:b pc:key \"k\"", `2:11 /env env has two values for the key "k"`},
		{"<> pc:env _:a\n<> pc:env _:b\n_:a pc:key \"k\"\n_:b pc:key \"l\"\n_:b pc:valu 1", `5:5 /env/l an EnvVar has no property pc:valu; did you mean pc:value?`},
		{`<> pc:env "x"`, `1:11 /env env: expected a node with properties, found the text "x"`},
		{"<> pc:tags _:a\n_:a pc:key \"k\"", `1:12 /tags/k k: value is missing`},
		{"<> pc:probe <#prob>\n<#prob> pc:http \"x\"", `1:13 /probe probe: expected <#probe> or a blank node, found <#prob>`},
		{"<> pc:image \"x\"\n</roles/a> pc:name \"a\"\n</roles/a> a pc:Role", `2:1  <https://picloud.local/roles/a> is another subject; here only <https://picloud.local/products/shop/containers/api> and its fragments are described`},
		{`<#lost> pc:name "a"`, `1:1  <#lost> is described, but nothing of <https://picloud.local/products/shop/containers/api> refers to it`},
		{`_:b pc:name "a"`, `1:1  a blank node is described, but nothing of <https://picloud.local/products/shop/containers/api> refers to it`},
		{`<> pc:image "x" </graph>`, `1:1  the graph <https://picloud.local/graph> is not that of <https://picloud.local/products/shop/containers/api>; leave it out`},
	} {
		if _, got := readAPI(test[0]); got != test[1] {
			t.Errorf("%s\n got %s\nwant %s", test[0], got, test[1])
		}
	}
}

func TestDeploymentIsSplitByResource(t *testing.T) {
	described, violations := base.SplitGraph(testModel(), root, triples(`
<> pc:image "x"
<> pc:env _:a
</> pc:domain "d"
_:a pc:value _:c
<#env/x> pc:key "x"
</products/shop/volumes/media> pc:size 1
_:lost pc:size 1
<https://x.example/y> pc:size 1
</products/shop/volume/media> pc:size 1
_:c pc:size 2`))
	var got []string
	for _, d := range described {
		got = append(got, fmt.Sprintf("%s %s %d", d.Address.Ref, d.Class.Name, len(d.Quads)))
	}
	for _, v := range violations {
		got = append(got, v.String())
	}
	want := []string{
		"/products/shop/containers/api Container 5", "/ Cluster 1", "/products/shop/volumes/media Volume 1",
		"9:1: <https://x.example/y> is not below this cluster's address https://picloud.local/",
		`10:1: no kind has the path segment "volume"; did you mean "volumes"?`,
		"8:1: nothing refers to this blank node; a resource needs an address below https://picloud.local",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// FuzzReadGraph demands that no set of triples makes the readers panic or run
// for ever, and that a value without violations is JSON.
func FuzzReadGraph(f *testing.F) {
	f.Add("<> pc:args _:a\n_:a rdf:first \"x\"\n_:a rdf:rest _:a")
	f.Add("<> pc:env _:a\n_:a pc:key \"k\"\n_:a pc:env _:a\n<> pc:probe _:a\n_:a pc:probe _:b\n_:b pc:tags _:a")
	f.Add("<> pc:mounts <#mounts/m>\n<#mounts/m> pc:volume </products/shop/volumes/m>\n<#mounts/m> pc:readOnly true")
	m := testModel()
	f.Fuzz(func(t *testing.T, text string) {
		quads := triples(text)
		v, violations := base.ReadGraph(m, m.Class("Container"), root, base.IRI(api), quads)
		if len(violations) == 0 {
			if _, err := base.ReadJSON(base.AppendValue(nil, v), base.Limits{}); err != nil && !strings.Contains(err.Error(), `\u0000`) {
				t.Fatalf("%q: %v", text, err)
			}
		}
		described, _ := base.SplitGraph(m, root, quads)
		for _, d := range described {
			base.ReadGraph(m, d.Class, root, d.Subject, d.Quads)
		}
	})
}
