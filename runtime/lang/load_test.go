package lang_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/lang"
)

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func messages(dir string, violations []base.Violation) string {
	var lines []string
	for _, v := range violations {
		lines = append(lines, strings.NewReplacer(dir+string(filepath.Separator), "", dir, ".").Replace(v.String()))
	}
	return strings.Join(lines, "\n")
}

func TestFileNeverLeavesTheFolderOfTheDeployment(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "secret.txt", "not yours")
	for name, want := range map[string]string{
		"../secret.txt":                         "does not lie in the folder",
		"sub/../../secret.txt":                  "does not lie in the folder",
		filepath.Join(outside, "secret.txt"):    "does not lie in the folder",
		"link.txt":                              "cannot be read: path escapes from parent",
		"linked/secret.txt":                     "cannot be read: path escapes from parent",
		"sub":                                   "not a regular file",
		"big.txt":                               "more than 1048576 bytes",
		"binary.txt":                            "is not UTF-8 text",
		"":                                      "does not lie in the folder",
		"sub/fine.txt":                          "",
		"inside.txt":                            "",
		strings.Repeat("long", 50000) + "x.txt": "cannot be read",
	} {
		dir := t.TempDir()
		write(t, dir, "sub/fine.txt", "fine")
		write(t, dir, "big.txt", strings.Repeat("x", 1<<20+1))
		write(t, dir, "binary.txt", "\x00\xff")
		for link, target := range map[string]string{"link.txt": filepath.Join(outside, "secret.txt"), "linked": outside, "inside.txt": "sub/fine.txt"} {
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Skip("no symbolic links here:", err)
			}
		}
		write(t, dir, "a.picloud", "container 'c' = { product: 'p', image: 'x', script: file('"+strings.ReplaceAll(name, `\`, `\\`)+"') }")
		d, violations := lang.Load(testModel(), []string{dir}, lang.Options{Root: root})
		got := messages(dir, violations)
		switch {
		case want == "" && (got != "" || d.Resources[0].Value.Get("script").Text != "fine"):
			t.Errorf("%s: %s", name, got)
		case want != "" && (len(violations) != 1 || !strings.Contains(got, want) || !strings.HasPrefix(got, "a.picloud:1:5")):
			t.Errorf("%.40s: %s", name, got)
		}
		if len(got) > 500 || strings.Contains(got, "not yours") {
			t.Errorf("says too much: %.600s", got)
		}
	}
}

func TestUnreadableFilesAreNamed(t *testing.T) {
	for name, test := range map[string]struct{ file, content, want string }{
		"garbage":    {"a.picloud", "\x7fELF\x02\x01\xff\xfe", "a.picloud:1:7: the file is not UTF-8 text"},
		"controls":   {"a.picloud", "volume 'a\x01' = { product: 'p', size: '1GB' }", "a.picloud:1:8: 'a\\u{1}' cannot name a volume; expected lower-case letters, digits and hyphens, beginning with a letter, at most 63\na.picloud:1:10: the control character U+0001 cannot stand here; in a string write \\u{1}"},
		"direction":  {"a.picloud", "// \u202e\nvolume 'a' = { product: 'p', size: '1GB' }", "a.picloud:1:4: the control character U+202E cannot stand here; in a string write \\u{202e}"},
		"too large":  {"a.picloud", strings.Repeat("//\n", 1<<19), "a.picloud: cannot be read: it has more than 1048576 bytes"},
		"other type": {"a.yaml", "a: b", "a.yaml: files of a deployment end in .picloud or .ttl, not \".yaml\""},
		"many lines": {"a.picloud", "\xef\xbb\xbfvolume 'a' = {\r\n  product: 'p'\r\n  siz: '1GB'\r\n}\r\n", "a.picloud:3:3: a volume has no field 'siz'; did you mean size?"},
		"turtle":     {"a.ttl", "</products/p/volumes/a> <https://picloud.local/ontology#size> 1, .\n<x> <y> <z> .", "a.ttl:1:66: expected an object (an IRI, a blank node, a literal, [ or (), found \".\""},
	} {
		dir := t.TempDir()
		write(t, dir, test.file, test.content)
		_, violations := lang.Load(testModel(), []string{filepath.Join(dir, test.file)}, lang.Options{Root: root})
		if got := messages(dir, violations); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", name, got, test.want)
		}
	}
	_, violations := lang.Load(testModel(), []string{filepath.Join(t.TempDir(), "missing")}, lang.Options{Root: root})
	if len(violations) != 1 || !strings.Contains(violations[0].Message, "cannot be read: no such file") {
		t.Errorf("%v", violations)
	}
}

func TestFileThatIsNamedTwiceIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.picloud", "volume 'a' = { product: 'p', size: '1GB' }")
	d, violations := lang.Load(testModel(), []string{dir, filepath.Join(dir, "a.picloud"), dir + "/./a.picloud"}, lang.Options{Root: root})
	if len(violations) > 0 || len(d.Resources) != 1 {
		t.Errorf("%v %d", violations, len(d.Resources))
	}
}

func TestDeploymentHasALimitOfResources(t *testing.T) {
	var src strings.Builder
	for i := range 5002 {
		fmt.Fprintf(&src, "volume 'v%d' = { product: 'p', size: '1GB' }\n", i)
	}
	f, violations := lang.Parse("f", []byte(src.String()))
	d, more := lang.Compile(testModel(), []*lang.File{f}, lang.Options{Root: root})
	if got := messages("-", append(violations, more...)); got != "f:5001:1: a deployment has at most 5000 resources; split it" || len(d.Resources) != 5000 {
		t.Errorf("%.300s, %d", got, len(d.Resources))
	}
}
