package lang_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/lang"
)

// TestGoldens loads the files of each archive as a deployment and compares
// errors, values, references to the outside, and the printed form. UPDATE=1
// writes what was found.
func TestGoldens(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no goldens", err)
	}
	for _, path := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			golden := map[string]string{}
			var inputs []txtar.File
			for _, f := range archive.Files {
				if strings.HasPrefix(f.Name, "want/") {
					golden[f.Name] = string(f.Data)
					continue
				}
				inputs = append(inputs, f)
				name := filepath.Join(dir, filepath.FromSlash(f.Name))
				if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, f.Data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			got := load(t, dir)
			if os.Getenv("UPDATE") != "" {
				update(t, path, archive.Comment, inputs, got)
				return
			}
			for _, f := range got {
				if want := golden[f.Name]; want != string(f.Data) {
					t.Errorf("%s\n got\n%s\nwant\n%s", f.Name, f.Data, want)
				}
				delete(golden, f.Name)
			}
			for name := range golden {
				t.Errorf("%s was wished for and is not there", name)
			}
		})
	}
}

func load(t *testing.T, dir string) []txtar.File {
	o := lang.Options{Root: root, Check: check, Getenv: func(name string) (string, bool) { return "from " + name, name != "UNSET" }}
	d, violations := lang.Load(testModel(), []string{dir}, o)
	var out []txtar.File
	add := func(name, text string) {
		if text != "" {
			out = append(out, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	var errors, values, outside strings.Builder
	for _, v := range violations {
		fmt.Fprintln(&errors, strings.NewReplacer(dir+string(filepath.Separator), "", dir, ".").Replace(v.String()))
	}
	add("want/errors", errors.String())
	if len(violations) > 0 {
		return out
	}
	for _, r := range d.Resources {
		var b bytes.Buffer
		if err := json.Indent(&b, base.AppendValue(nil, r.Value), "", "  "); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&values, b.String())
	}
	for _, o := range d.Outside {
		fmt.Fprintf(&outside, "%s:%d:%d %s → %s %s\n", filepath.Base(o.File), o.Line, o.Column, o.From, o.Target, o.Class)
	}
	add("want/values", values.String())
	add("want/outside", outside.String())
	add("want/printed", printed(t, testModel(), d.Resources))
	return out
}

func update(t *testing.T, path string, comment []byte, inputs, got []txtar.File) {
	archive := &txtar.Archive{Comment: comment, Files: append(inputs, got...)}
	if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
