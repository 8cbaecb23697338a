package gen_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/write"
)

// TestAddedKindCompilesInACopyOfTheTree edits only the ontology of a copy of
// the repository, generates and compiles. With PICLOUD_LONG=1 it also runs
// every test of the copy.
func TestAddedKindCompilesInACopyOfTheTree(t *testing.T) {
	tree := t.TempDir()
	gentest.CopyTree(t, tree)
	gentest.AddTo(t, tree, gentest.NewKind(t, os.DirFS(filepath.Join(tree, "ontology"))).Turtle())
	root, err := gen.Root(tree)
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
	run(t, tree, "vet", "./generated/...")
	if os.Getenv("PICLOUD_LONG") != "" {
		run(t, tree, "test", "./...")
	}
}

// run calls the go command, which is there where tests run.
func run(t *testing.T, folder string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = folder
	command.Env = append(os.Environ(), "PICLOUD_LONG=")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
}
