package model_test

import (
	"os"
	"testing"

	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
)

// shipped is the ontology of this repository.
func shipped(t testing.TB) *model.Model {
	t.Helper()
	o, err := load.Read(os.DirFS("../../ontology"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestShippedOntologyHasNoProblem(t *testing.T) {
	m := shipped(t)
	for _, c := range m.Model.Classes {
		if c.Kind && m.Kind(c.Word) != c {
			t.Errorf("kind %s is not found by its word %q", c.Name, c.Word)
		}
	}
}

func TestSentencesOfEventsHaveTheArticleThatIsSpoken(t *testing.T) {
	want := map[string]bool{"An RDF store was declared.": false, "The declaration of an RDF store changed.": false, "A volume was declared.": false, "An ingress was declared.": false}
	for _, e := range shipped(t).Events {
		if _, wanted := want[e.Comment]; wanted {
			want[e.Comment] = true
		}
	}
	for sentence, found := range want {
		if !found {
			t.Errorf("no event is explained by %q", sentence)
		}
	}
}
