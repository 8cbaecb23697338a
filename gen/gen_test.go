package gen_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/write"
)

// generate makes all output of an ontology in memory, or some of it by name.
func generate(t testing.TB, ontology fs.FS, some ...string) map[string][]byte {
	t.Helper()
	p, err := gen.Plan(ontology)
	if err != nil {
		t.Fatal(err)
	}
	outputs := slices.DeleteFunc(gen.Outputs(), func(o gen.Output) bool { return len(some) > 0 && !slices.Contains(some, o.Name) })
	files, err := gen.Files(p, outputs)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{}
	for _, f := range files {
		made[f.Path] = f.Content
	}
	return made
}

func TestTwoRunsGiveTheSameBytes(t *testing.T) {
	ontology := gentest.Ontology(t)
	first, second := generate(t, ontology), generate(t, ontology)
	if len(first) != len(second) {
		t.Fatalf("%d files, then %d", len(first), len(second))
	}
	for path, content := range first {
		if !bytes.Equal(content, second[path]) {
			t.Errorf("%s differs between two runs", path)
		}
	}
}

// Nothing of the machine or the moment gets into output.
func TestOutputDependsOnTheOntologyAlone(t *testing.T) {
	foreign := regexp.MustCompile(`_:[A-Za-z0-9]|\.ttl:[0-9]+|go1\.[0-9]+|` + regexp.QuoteMeta(gentest.Root(t)))
	ontology := gentest.Ontology(t)
	today := time.Now().UTC().Format("2006-01-02")
	for _, f := range ontology {
		if bytes.Contains(f.Data, []byte(today)) {
			today = "an example has today's date"
		}
	}
	for path, content := range generate(t, ontology) {
		if found := foreign.Find(content); found != nil {
			t.Errorf("%s holds %q", path, found)
		}
		if bytes.Contains(content, []byte(today)) {
			t.Errorf("%s holds today's date", path)
		}
	}
}

func TestLineEndsOfTheOntologyLeaveOutputAlone(t *testing.T) {
	ontology := gentest.Ontology(t)
	before := generate(t, ontology, "schema", "docs")
	for _, f := range ontology {
		f.Data = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
	}
	for path, content := range generate(t, ontology, "schema", "docs") {
		if !bytes.Equal(before[path], content) {
			t.Errorf("%s differs with CRLF in the ontology", path)
		}
	}
}

// A kind is one edit of Turtle: everything that a user meets follows from it.
func TestKindIsAddedByTurtleAlone(t *testing.T) {
	ontology := gentest.Ontology(t)
	before := generate(t, ontology)
	kind := gentest.NewKind(t, ontology)
	gentest.Add(ontology, kind.Turtle())
	after := generate(t, ontology)
	names := strings.NewReplacer("{Name}", kind.Name, "{word}", kind.Word, "{file}", strings.ReplaceAll(kind.Word, "-", "_"))
	for path, text := range map[string]string{
		"generated/domain/{file}.go":                     "type Declare{Name} struct",
		"generated/codec/{file}.go":                      `"timezone"`,
		"generated/quads/{file}.go":                      "domain.{Name}",
		"generated/client/{file}.go":                     "Get{Name}(",
		"generated/docs/{word}.md":                       "A {word} starts a workload at set times.",
		"generated/schema/kinds/{word}.json":             `"cron"`,
		"generated/schema/events/{Name}Declared.v1.json": `"timezone"`,
		"generated/schema/events/{Name}Deleted.v1.json":  `"{Name}Deleted"`,
		"generated/schema/ontology.ttl":                  "pc:{Name}Declared a pm:Event",
		"generated/schema/shapes.ttl":                    "pc:{Name}-document a sh:NodeShape",
		"generated/schema/model_workload.go":             `Word:      "{word}"`,
		"generated/api/openapi.json":                     "/products/{product}/{word}s/{name}",
		"generated/cli/kinds.go":                         `"{word}"`,
		"generated/README.md":                            "{word}",
	} {
		path, text = names.Replace(path), names.Replace(text)
		if !strings.Contains(spaceless(after[path]), spaceless([]byte(text))) {
			t.Errorf("%s lacks %q", path, text)
		}
		if strings.Contains(spaceless(before[path]), spaceless([]byte(text))) {
			t.Errorf("%s has %q without the kind", path, text)
		}
	}
	for path := range before {
		if after[path] == nil {
			t.Errorf("%s is gone", path)
		}
	}
}

// spaceless lets a test look for code however it is aligned.
func spaceless(text []byte) string { return strings.Join(strings.Fields(string(text)), "") }

func TestCommentsOfTheOntologyLeaveTheFoldModelAlone(t *testing.T) {
	ontology := gentest.Ontology(t)
	before := generate(t, ontology, "schema")["generated/schema/digest.go"]
	storage := ontology["storage.ttl"]
	storage.Data = bytes.Replace(storage.Data, []byte("Space promised to it."), []byte("Space kept for it."), 1)
	if after := generate(t, ontology, "schema")["generated/schema/digest.go"]; !bytes.Equal(before, after) {
		t.Error("a changed description changed the digest of the fold model")
	}
	storage.Data = bytes.Replace(storage.Data, []byte("pc:Volume-size           sh:path pc:size"), []byte(`pc:Volume-size           pm:name "room" ; sh:path pc:size`), 1)
	if after := generate(t, ontology, "schema")["generated/schema/digest.go"]; bytes.Equal(before, after) {
		t.Error("a renamed field left the digest of the fold model as it was")
	}
}

func TestEveryOutputStaysInItsPlace(t *testing.T) {
	p, err := gen.Plan(gentest.Ontology(t))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, o := range gen.Outputs() {
		for _, place := range o.Owns {
			if !strings.HasPrefix(place, "generated/") {
				t.Errorf("%s owns %s, outside of generated/", o.Name, place)
			}
			for other, name := range seen {
				if strings.HasPrefix(place, other) || strings.HasPrefix(other, place) {
					t.Errorf("%s of %s lies in %s of %s", place, o.Name, other, name)
				}
			}
			seen[place] = o.Name
		}
		files, err := o.Emit(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			t.Errorf("%s emits nothing; remove it from the table", o.Name)
		}
	}
}

func TestChangesRepairTheRepository(t *testing.T) {
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "ontology"), gentest.Ontology(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module example\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(folder, "generated", "schema", "kinds", "gone.json")
	if err := os.MkdirAll(filepath.Dir(stale), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(stale, []byte("{}"), 0o666); err != nil {
		t.Fatal(err)
	}
	root, err := gen.Root(filepath.Join(folder, "generated"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	changes, err := gen.Changes(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := write.Apply(root, changes); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Error("the stale file is still there")
	}
	again, err := gen.Changes(root)
	if err != nil || len(again) != 0 {
		t.Errorf("a second run finds %d changes, error %v", len(again), err)
	}
}

func benchmark(b *testing.B, ontology fs.FS) {
	files := 0
	for b.Loop() {
		files = len(generate(b, ontology))
	}
	b.ReportMetric(float64(files), "files")
}

// The goals: shipped 1.5 s, unchanged 0.3 s, 300 kinds 5 s.
func BenchmarkShipped(b *testing.B) { benchmark(b, gentest.Ontology(b)) }

func Benchmark300Kinds(b *testing.B) {
	ontology := gentest.Ontology(b)
	gentest.Kinds(ontology, 270)
	p, err := gen.Plan(ontology)
	if err != nil {
		b.Fatal(err)
	}
	if len(p.Kinds) < 290 {
		b.Fatalf("only %d kinds", len(p.Kinds))
	}
	benchmark(b, ontology)
}

func BenchmarkUnchanged(b *testing.B) {
	root, err := gen.Root(".")
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	for b.Loop() {
		if _, err := gen.OpenSeen(root); err != nil {
			b.Fatal(err)
		}
	}
}
