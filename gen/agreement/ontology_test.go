package agreement

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

// turtle reads files of the ontology, but those that are left out.
func turtle(t *testing.T, pattern string, left ...string) (texts []shacl.Text) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "ontology", pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if name := filepath.Base(file); len(left) == 0 || name != left[0] {
			texts = append(texts, shacl.Text{Name: name, Content: content, Format: rdf.Turtle})
		}
	}
	return texts
}

func judged(t *testing.T, compiled *shacl.Shapes, data []shacl.Text) *shacl.Report {
	t.Helper()
	g, err := shacl.Read(data...)
	if err != nil {
		t.Fatal(err)
	}
	report, err := compiled.Validate(t.Context(), g, shacl.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestOntologyKeepsItsOwnShapes runs the ontology through meta-shapes.ttl, which
// says the same as the generator's own checks to people with other tools.
func TestOntologyKeepsItsOwnShapes(t *testing.T) {
	meta, source := compiled(t, turtle(t, "meta-shapes.ttl")...), turtle(t, "*.ttl", "meta-shapes.ttl")
	report := judged(t, meta, source)
	for _, one := range report.Sentences() {
		t.Error(one)
	}
	t.Logf("%d nodes were judged", report.Judged)
	if report.Judged < 500 {
		t.Errorf("%d nodes were judged, want all classes and properties", report.Judged)
	}
	for i := range source { // and it is the shapes that let it pass
		source[i].Content = []byte(strings.ReplaceAll(string(source[i].Content), "pm:plural", "pm:plurals"))
	}
	if report := judged(t, meta, source); report.Conforms {
		t.Error("kinds without a plural pass")
	}
}

// TestSourceShapesJudgeTheExamples runs the examples together with the ontology
// through the shapes of /ontology itself: the valid ones pass, and of each
// invalid one the shape fails that its first line names.
func TestSourceShapesJudgeTheExamples(t *testing.T) {
	source := turtle(t, "*.ttl", "meta-shapes.ttl")
	shapes := compiled(t, source...)
	valid := append(turtle(t, "examples/kinds/*.valid.ttl"), turtle(t, "examples/kinds/shared.ttl")...)
	for _, one := range judged(t, shapes, slices.Concat(source, valid)).Sentences() {
		t.Error(one)
	}
	for _, invalid := range turtle(t, "examples/kinds/*.invalid.ttl") {
		word, _, _ := strings.Cut(invalid.Name, ".")
		others := slices.DeleteFunc(slices.Clone(valid), func(one shacl.Text) bool { return one.Name == word+".valid.ttl" })
		broken, _, _ := strings.Cut(string(invalid.Content), "\n")
		broken = strings.TrimPrefix(broken, "# breaks: ")
		report := judged(t, shapes, slices.Concat(source, others, []shacl.Text{invalid}))
		named := func(r shacl.Result) bool {
			for len(r.Detail) > 0 && r.Source.Value != broken {
				r = r.Detail[0]
			}
			return r.Source.Value == broken
		}
		if !slices.ContainsFunc(report.Results, named) {
			t.Errorf("%s: <%s> is not broken: %s", invalid.Name, broken, report.Sentences())
		}
	}
}
