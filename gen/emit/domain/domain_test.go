package domain

import (
	"bytes"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
)

// planned plans the shipped ontology after an edit.
func planned(t *testing.T, edit func(string) string) *plan.Plan {
	t.Helper()
	edited := fstest.MapFS{}
	shipped := os.DirFS("../../../ontology")
	err := fs.WalkDir(shipped, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(shipped, name)
		edited[name] = &fstest.MapFile{Data: []byte(edit(string(content)))}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	source, err := load.Read(edited)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func emitted(t *testing.T, p *plan.Plan) map[string]string {
	t.Helper()
	files, err := Emit(p)
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, f := range files {
		content[strings.TrimPrefix(f.Path, folder+"/")] = string(f.Content)
	}
	return content
}

func unedited(s string) string { return s }

// withReconcilers is a release in which a slice acts on every reconciled kind.
func withReconcilers(s string) string {
	return strings.ReplaceAll(s, "pm:reconciler false", "pm:reconciler true")
}

func TestSameOntologySameBytes(t *testing.T) {
	one, err := Emit(planned(t, unedited))
	if err != nil {
		t.Fatal(err)
	}
	two, err := Emit(planned(t, unedited))
	if err != nil {
		t.Fatal(err)
	}
	if len(one) != len(two) {
		t.Fatalf("%d files, then %d", len(one), len(two))
	}
	for i := range one {
		if one[i].Path != two[i].Path || !bytes.Equal(one[i].Content, two[i].Content) {
			t.Errorf("%s differs", one[i].Path)
		}
	}
}

// TestReconcilersGetTheirTurn reads the code of kinds that a slice acts on,
// which the shipped ontology does not have yet.
func TestReconcilersGetTheirTurn(t *testing.T) {
	files := emitted(t, planned(t, withReconcilers))
	for _, want := range []string{
		`func (c *DeleteVolume) Decide(before Resource) ([]Payload, error) {
	now, _ := before.(*Volume)
	if now == nil {
		return nil, missing(KindVolume, c.Ref)
	}
	if now.Phase == PhaseDeleting {
		return nil, nil
	}
	return []Payload{&VolumeDeletionStarted{}}, nil
}`,
		`	if c.Gone && now.Phase == PhaseDeleting {
		return []Payload{&VolumeDeleted{}}, nil
	}`,
		`return &Volume{Head: born(e, PhaseDeclared, ""), Spec: p.Spec}, nil`,
	} {
		if !strings.Contains(files["volume.go"], want) {
			t.Errorf("volume.go lacks\n%s", want)
		}
	}
	compiles(t, files)
}

// compiles type-checks a package that was emitted.
func compiles(t *testing.T, files map[string]string) {
	t.Helper()
	set := token.NewFileSet()
	var parsed []*ast.File
	for name, content := range files {
		file, err := parser.ParseFile(set, name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := config.Check(folder, set, parsed, nil); err != nil {
		t.Error(err)
	}
}

func TestClearInsideAnObjectIsRefused(t *testing.T) {
	p := planned(t, func(s string) string {
		return strings.Replace(s, `sh:maxCount 1 ; pm:onDelete pm:Restrict ; pm:function "secret"`, `sh:maxCount 1 ; pm:onDelete pm:Clear ; pm:function "secret"`, 1)
	})
	if _, err := Emit(p); err == nil || !strings.Contains(err.Error(), "a reference inside EnvVar cannot be cleared") {
		t.Error(err)
	}
}
