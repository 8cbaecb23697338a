package reasoning

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

func TestWhatIsNotBelievedIsListed(t *testing.T) {
	store := rdf.NewStore()
	err := rdf.Parse(strings.NewReader(`
		PREFIX : <http://mine/> PREFIX their: <http://theirs/> PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX owl: <http://www.w3.org/2002/07/owl#>
		their:A rdfs:subClassOf :B . :B rdfs:subClassOf their:A . their:p a owl:TransitiveProperty . :p a owl:TransitiveProperty .
		their:x a their:A ; :says their:y .
		GRAPH :g { their:A owl:sameAs :B } GRAPH :skipped { their:A owl:sameAs :C }`), rdf.TriG, rdf.Options{}, func(s rdf.Statement) error {
		store.Apply(nil, []base.Quad{s.Quad})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r := New(Config{Profile: OWLRL,
		Authority: func(iri string) string {
			return map[bool]string{true: "them"}[strings.HasPrefix(iri, "http://theirs/")]
		},
		Skip: func(graph base.Term) bool { return strings.HasSuffix(graph.Value, "skipped") }})
	refused, err := r.Refusals(t.Context(), store.Snapshot(), 10)
	if err != nil || len(refused) != 3 {
		t.Errorf("%d are refused (%v), want 3: %v", len(refused), err, refused)
	}
	for _, one := range refused {
		if one.Owner != "them" || !strings.HasPrefix(one.Term.Value, "http://theirs/") {
			t.Errorf("refused %+v", one)
		}
	}
	if few, err := r.Refusals(t.Context(), store.Snapshot(), 2); err != nil || len(few) != 2 {
		t.Errorf("of two asked for it gives %d (%v)", len(few), err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := r.Refusals(ended, store.Snapshot(), 10); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context it says %v", err)
	}
}
