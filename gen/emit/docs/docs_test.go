package docs_test

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/emit/docs"
	"github.com/picloud/picloud/gen/write"
)

const repository = "../../../"

func pages(t *testing.T) []write.File {
	t.Helper()
	p, err := gen.Plan(os.DirFS(repository + "ontology"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := docs.Emit(p)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var (
	link    = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// TestEveryLinkLeadsSomewhere follows links between pages, to places on a page,
// and to files of the repository.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	made := map[string]bool{}
	files := pages(t)
	for _, f := range files {
		made[f.Path] = true
	}
	for _, f := range files {
		anchors := map[string]bool{}
		for _, h := range heading.FindAllStringSubmatch(string(f.Content), -1) {
			anchors["#"+strings.ReplaceAll(strings.ToLower(h[1]), " ", "-")] = true
		}
		for _, l := range link.FindAllStringSubmatch(string(f.Content), -1) {
			target := path.Join(path.Dir(f.Path), l[1])
			if l[1] == "" {
				if !anchors[l[2]] {
					t.Errorf("%s: nothing is called %s on the page", f.Path, l[2])
				}
			} else if _, err := os.Stat(repository + target); err != nil && !made[target] {
				t.Errorf("%s: %s leads nowhere", f.Path, l[1])
			}
		}
	}
}

// TestTablesAreWhole looks for rows that a text has broken.
func TestTablesAreWhole(t *testing.T) {
	for _, f := range pages(t) {
		columns, fenced := 0, false
		for line := range strings.Lines(string(f.Content)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			if fenced || !strings.HasPrefix(line, "|") {
				columns = 0
				continue
			}
			n := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
			if columns != 0 && n != columns {
				t.Errorf("%s: a row with %d bars among rows with %d: %s", f.Path, n, columns, line)
			}
			columns = n
		}
		if fenced {
			t.Errorf("%s: a block of code has no end", f.Path)
		}
		if strings.Contains(string(f.Content), "<no value>") || strings.Contains(string(f.Content), "\n\n\n") {
			t.Errorf("%s: a value is missing, or there are two empty lines", f.Path)
		}
	}
}
