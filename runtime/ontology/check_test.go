package ontology_test

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/ontology"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

const (
	root = "https://picloud.local"
	own  = root + "/products/photo-app/ontologies/photos"
)

// owners is who owns what beside photo-app.
func owners(iri string) string {
	switch {
	case strings.HasPrefix(iri, base.Ontology), strings.HasPrefix(iri, base.Meta):
		return "the platform"
	case strings.HasPrefix(iri, root+"/products/photo-app/"):
		return ""
	case strings.HasPrefix(iri, root+"/products/"):
		return "another product"
	case strings.HasPrefix(iri, root+"/"):
		return "the cluster"
	}
	return ""
}

func check(turtle string) string {
	const prefixes = `@prefix pc: <https://picloud.local/ontology#> . @prefix pm: <https://picloud.local/ontology/meta#> . @prefix sh: <http://www.w3.org/ns/shacl#> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
`
	problems := ontology.Check(shacl.Text{Name: "content", Content: []byte(prefixes + turtle), Format: rdf.Turtle, Options: rdf.Options{Base: own}}, owners)
	if len(problems) == 0 {
		return ""
	}
	return problems.Error()
}

func TestProductsSpeakOfTheirOwnTermsOnly(t *testing.T) {
	for turtle, want := range map[string]string{
		`<#Photo> a rdfs:Class ; rdfs:subClassOf pc:Resource ; rdfs:seeAlso pc:Volume .`:                          "",
		`<#taken> rdfs:domain <#Photo> ; rdfs:range pc:Volume . <http://photos.example/x> <#taken> 1 .`:           "",
		`<#S> a sh:NodeShape ; sh:targetClass <#Photo> ; sh:property [ sh:path <#taken> ; sh:class pc:Volume ] .`: "",
		`pc:Container rdfs:subClassOf <#Photo> .`:                                                                 "content:3:1: <https://picloud.local/ontology#Container> belongs to the platform, and only its owner says what it is; say it about a term of your own, for example <#Container>, and put that below",
		"<#Photo> a rdfs:Class .\n  pm:Kind rdfs:label \"x\" .":                                                   "content:4:3: <https://picloud.local/ontology/meta#Kind> belongs to the platform",
		`rdf:type rdfs:label "is a"@en .`:                                                                         "content:3:1: <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> belongs to the W3C",
		`rdfs:Class rdfs:subClassOf <#Photo> .`:                                                                   "belongs to the W3C",
		`owl:Thing rdfs:subClassOf <#Photo> .`:                                                                    "belongs to the W3C",
		`sh:minCount a <#Mine> .`:                                                                                 "belongs to the W3C",
		`<#Photo> owl:equivalentClass pc:Container .`:                                                             "content:3:30: <https://picloud.local/ontology#Container> belongs to the platform: what owl:equivalentClass says",
		`<#same> owl:inverseOf <` + root + `/products/shop/ontologies/s#p> .`:                                     "belongs to another product",
		`<` + root + `/products/shop/ontologies/s#C> rdfs:label "C" .`:                                            "belongs to another product",
		`<` + root + `/groups/admins> pc:hasMember <` + root + `/identities/eve> .`:                               "belongs to the cluster",
		`<../../../../groups/admins> rdfs:label "x" .`:                                                            "content:3:1: <https://picloud.local/groups/admins> belongs to the cluster",
	} {
		got := check(turtle)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s\n got %q\nwant %q", turtle, got, want)
		}
	}
}

func TestAllThatIsWrongIsToldWithItsPlace(t *testing.T) {
	got := check(`<#S> a sh:NodeShape ; sh:targetClass <#C> ; sh:minCount 1 ; sh:property [ sh:path <#p> ; sh:mincount 1 ] .
pc:Volume a <#C> ; rdfs:label "x" .
pc:Node a <#C> .`)
	for _, want := range []string{"content:3:57: sh:minCount stands at the node shape", "content:4:1: ", "content:5:1: "} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 2 {
		t.Errorf("%d lines, want 3:\n%s", n+1, got)
	}
	if got := check(`<#S> a sh:NodeShape ; sh:property [ sh:path <#p> ; sh:mincount 1 ] .`); !strings.Contains(got, "content:3:52: sh:mincount is ignored: SHACL Core has no such word; did you mean sh:minCount?") {
		t.Errorf("a word that does nothing: %s", got)
	}
	if got := check("<#S> a sh:NodeShape\n<#T> a <#C> ."); !strings.HasPrefix(got, "content:4:") {
		t.Errorf("syntax: %s", got)
	}
	if n := strings.Count(check(many(500)), "\n"); n != 99 {
		t.Errorf("%d problems are told, want 100", n+1)
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("pc:V" + strings.Repeat("x", i+1) + " <#p> 1 .\n")
	}
	return b.String()
}
