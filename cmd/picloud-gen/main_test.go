package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/gentest"
)

// repository is one with nothing but the shipped ontology.
func repository(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "ontology"), gentest.Ontology(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module example\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	return folder
}

// call runs the command in a folder and demands its exit code.
func call(t *testing.T, folder string, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if got := run(folder, args, &out, &out); got != want {
		t.Fatalf("picloud-gen %s: exit %d, want %d:\n%s", strings.Join(args, " "), got, want, out.String())
	}
	return out.String()
}

func edit(t *testing.T, name, old, replacement string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(name, bytes.Replace(text, []byte(old), []byte(replacement), 1), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestGenerateWritesOnceAndThenFindsNothingToDo(t *testing.T) {
	folder := repository(t)
	if out := call(t, folder, 0, "generate"); !strings.Contains(out, "wrote generated/schema/model.go") {
		t.Errorf("first run:\n%s", out)
	}
	if out := call(t, filepath.Join(folder, "generated"), 0, "generate"); !strings.Contains(out, "up to date") {
		t.Errorf("second run:\n%s", out)
	}
	call(t, folder, 0, "generate", "--check")
}

func TestEditedOutputIsNoticedAndRepaired(t *testing.T) {
	folder := repository(t)
	call(t, folder, 0, "generate")
	model := filepath.Join(folder, "generated", "schema", "model.go")
	edit(t, model, "// Model describes every kind.", "// Model is mine.")
	out := call(t, folder, 1, "--check")
	for _, want := range []string{"--- generated/schema/model.go", "-// Model is mine.", "+// Model describes every kind.", "make generate"} {
		if !strings.Contains(out, want) {
			t.Errorf("the check lacks %q:\n%s", want, out)
		}
	}
	if out := call(t, folder, 0, "generate"); !strings.Contains(out, "wrote generated/schema/model.go") || !strings.Contains(out, " 1 files changed") {
		t.Errorf("repair:\n%s", out)
	}
	call(t, folder, 0, "--check")
}

func TestFaultyOntologyChangesNothing(t *testing.T) {
	folder := repository(t)
	edit(t, filepath.Join(folder, "ontology", "storage.ttl"), "pc:Volume-size           sh:path pc:size           ; sh:order 10 ;", "pc:Volume-size           sh:path pc:size           ;")
	out := call(t, folder, 1, "generate")
	if !strings.Contains(out, "ontology/storage.ttl:") || !strings.Contains(out, "property pc:size of Volume has no sh:order; add e.g. \"sh:order ") {
		t.Errorf("message:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(folder, "generated")); !os.IsNotExist(err) {
		t.Error("something was written")
	}
}

func TestPrintShowsNames(t *testing.T) {
	out := call(t, repository(t), 0, "print")
	for _, want := range []string{"kind volume", "VolumeDeclared", "PUT /products/{product}/volumes/{name}", "enumeration VolumeMode", "scalar Bytes"} {
		if !strings.Contains(out, want) {
			t.Errorf("print lacks %q", want)
		}
	}
}

func TestMisuseShowsUsage(t *testing.T) {
	if out := call(t, t.TempDir(), 2, "make"); !strings.Contains(out, "usage: picloud-gen") {
		t.Errorf("got:\n%s", out)
	}
	if out := call(t, t.TempDir(), 1, "generate"); !strings.Contains(out, "inside the repository") {
		t.Errorf("got:\n%s", out)
	}
}
