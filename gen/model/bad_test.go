package model_test

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
)

var update = flag.Bool("update", false, "write the messages of testdata/bad anew")

// TestEveryCheckTellsPlaceAndRepair: each file of testdata/bad is a small
// ontology with one thing wrong, on top of meta.ttl and core.ttl, and the
// problems that it must give ("expected"). Beside files, an archive may hold
// edits: "core.ttl.edit" replaces its first line by its second.
func TestEveryCheckTellsPlaceAndRepair(t *testing.T) {
	archives, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got := problems(t, small(t, archive))
			for i, f := range archive.Files {
				if f.Name != "expected" {
					continue
				}
				if *update {
					archive.Files[i].Data = []byte(got)
					if err := os.WriteFile(name, txtar.Format(archive), 0o666); err != nil {
						t.Fatal(err)
					}
				} else if diff := cmp.Diff(string(f.Data), got); diff != "" {
					t.Errorf("problems (-expected +got):\n%s", diff)
				}
			}
		})
	}
}

// small is an ontology of meta.ttl, core.ttl and what the archive holds, with
// empty examples for every kind that it names.
func small(t *testing.T, archive *txtar.Archive) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	for _, name := range []string{"meta.ttl", "core.ttl"} {
		content, err := os.ReadFile("../../ontology/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: content}
	}
	const prefixes = "testdata/prefixes.ttl"
	head, err := os.ReadFile(prefixes)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		if edited, ok := strings.CutSuffix(f.Name, ".edit"); ok {
			old, replacement, _ := strings.Cut(strings.TrimSuffix(string(f.Data), "\n"), "\n")
			content := string(files[edited].Data)
			if !strings.Contains(content, old) {
				t.Fatalf("%s has no %q", edited, old)
			}
			files[edited] = &fstest.MapFile{Data: []byte(strings.Replace(content, old, replacement, 1))}
		} else if strings.HasSuffix(f.Name, ".ttl") {
			// The prefixes stand in one line, so that line numbers are those
			// of the archive plus one.
			files[f.Name] = &fstest.MapFile{Data: append(append([]byte{}, head...), f.Data...)}
		}
	}
	// The kinds that core.ttl refers to, and examples of all kinds.
	for _, word := range []string{"product", "thing", "other", "event", "report"} {
		for _, verdict := range []string{"valid", "invalid"} {
			files["examples/kinds/"+word+"."+verdict+".ttl"] = &fstest.MapFile{}
		}
	}
	return files
}

func problems(t *testing.T, dir fs.FS) string {
	t.Helper()
	source, err := load.Read(dir)
	if err == nil {
		_, err = model.Build(source)
	}
	var all load.Problems
	if err != nil && !errors.As(err, &all) {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, p := range all {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}
