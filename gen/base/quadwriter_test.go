package base

import (
	"slices"
	"testing"
)

func TestQuadsComeInTheOrderOfTheDocument(t *testing.T) {
	w := &QuadWriter{Root: "https://picloud.local", Graph: IRI("https://picloud.local/graph")}
	s := w.Begin("/products/shop/volumes/media", Ontology+"Volume", "volume")
	intent := w.Nest(s, Ontology+"storageIntent", Ontology+"StorageIntent", "storageIntent")
	policy := w.Nest(intent, Ontology+"snapshots", Ontology+"SnapshotPolicy", "snapshots")
	w.Boolean(policy, Ontology+"enabled", true)
	w.Text(intent, Ontology+"durability", "local")
	w.List(s, Ontology+"args", "args", Terms([]string{"a", "b"}, String))
	w.Integer(s, Ontology+"size", 5)
	w.Group(0)
	var subjects []string
	for _, q := range w.Quads {
		if q.G != w.Graph {
			t.Errorf("%v lies elsewhere", q)
		}
		if len(subjects) == 0 || subjects[len(subjects)-1] != q.S.Value {
			subjects = append(subjects, q.S.Value)
		}
	}
	const media = "https://picloud.local/products/shop/volumes/media"
	want := []string{media, media + "#storageIntent", media + "#storageIntent/snapshots", media + "#args/0", media + "#args/1"}
	if !slices.Equal(subjects, want) {
		t.Errorf("got %q, want %q", subjects, want)
	}
}

func TestKeysOfMapsAreShortAndSafeInFragments(t *testing.T) {
	w := &QuadWriter{Root: "https://picloud.local"}
	s := w.Begin("/products/shop/containers/api", Ontology+"Container", "container")
	n := w.Nest(s, Ontology+"mounts", Ontology+"Mount", "mounts", w.Key("/products/other/volumes/media", false))
	if want := "https://picloud.local/products/shop/containers/api#mounts/other%2Fmedia"; n.Value != want {
		t.Errorf("got %s, want %s", n.Value, want)
	}
}
