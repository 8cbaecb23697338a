package tidy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/gentest"
)

// module is the path under which the packages of this repository import each
// other.
const module = "github.com/picloud/picloud/"

// skipped are folders that are not the project's: history, and what make makes.
var skipped = []string{".git", "bin", ".demo", ".picloud-dev", "node_modules"}

// repository is every file of the project, read once per test.
type repository struct {
	names []string          // sorted, with slashes
	text  map[string]string // by name
}

func read(t *testing.T) *repository {
	t.Helper()
	r := &repository{text: map[string]string{}}
	root := gentest.Root(t)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && slices.Contains(skipped, d.Name()):
			return fs.SkipDir
		case !d.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return nil // a file that another test made and removed
		}
		relative = filepath.ToSlash(relative)
		r.names = append(r.names, relative)
		r.text[relative] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(r.names)
	return r
}

// goFiles are the Go files that the go command would look at.
func (r *repository) goFiles() (names []string) {
	for _, name := range r.names {
		if path.Ext(name) == ".go" && !strings.Contains(name, "testdata/") {
			names = append(names, name)
		}
	}
	return names
}

func handWritten(name string) bool { return !strings.HasPrefix(name, "generated/") }

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// parse reads one file of Go.
func (r *repository) parse(t *testing.T, name string, mode parser.Mode) (*token.FileSet, *ast.File) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, r.text[name], mode)
	if err != nil {
		t.Fatal(err)
	}
	return set, file
}
