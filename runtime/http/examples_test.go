package http_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

var fiveFormats = []string{"application/json", "text/turtle", "application/ld+json", "application/n-triples", "text/html"}

// kindOf is the kind that an example is about.
func kindOf(t testing.TB, path string) *base.Class {
	t.Helper()
	word, _, _ := strings.Cut(filepath.Base(path), ".")
	class := schema.Model.Kind(word)
	if class == nil {
		t.Fatalf("%s is named after no kind", path)
	}
	return class
}

var (
	baseIRI   = regexp.MustCompile(`@base <https://picloud\.local([^>]*)>`)
	clusterID = regexp.MustCompile(`6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31`)
)

// everyKind applies the valid example of every kind that is declared.
func everyKind(t testing.TB) (c *cluster, paths []string) {
	t.Helper()
	c = start(t, t.TempDir())
	files, err := filepath.Glob(examples + "kinds/*.valid.ttl")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	var all strings.Builder
	all.WriteString(example(t, "kinds/shared.ttl"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if kindOf(t, file).Origin != base.Declared {
			continue
		}
		if strings.HasSuffix(file, "/authority.valid.ttl") { // the cluster made its own, with a certificate that never changes
			paths = append(paths, "/authorities/cluster")
			continue
		}
		all.WriteString("\n" + clusterID.ReplaceAllString(string(text), c.node.ClusterID()))
		paths = append(paths, baseIRI.FindStringSubmatch(string(text))[1])
	}
	c.want(200, c.do("POST", "/apply?deployment=examples", all.String(), turtle))
	return c, paths
}

func TestEveryExampleIsServedInFiveFormatsAndPutBackUnchanged(t *testing.T) {
	c, paths := everyKind(t)
	position := c.position()
	for _, path := range paths {
		for _, format := range fiveFormats {
			got := c.want(200, c.do("GET", path, "", "Accept: "+format))
			if media := got.Header.Get("Content-Type"); !strings.HasPrefix(media, format) {
				t.Errorf("%s as %s came as %s", path, format, media)
			}
			if head := c.want(200, c.do("HEAD", path, "", "Accept: "+format)); head.body != "" || head.Header.Get("ETag") != got.Header.Get("ETag") {
				t.Errorf("HEAD %s as %s: body %q, ETag %s", path, format, head.body, head.Header.Get("ETag"))
			}
			if format == "text/html" {
				continue
			}
			put := c.do("PUT", path, got.body, "Content-Type: "+format)
			if put.StatusCode != http.StatusOK || c.position() != position {
				t.Fatalf("%s put back as %s: %d, log %d → %d\n%s\nsent:\n%s", path, format, put.StatusCode, position, c.position(), put.body, got.body)
			}
			if put.Header.Get("ETag") == "" || put.Header.Get("Picloud-Position") != position.String() {
				t.Errorf("%s: ETag %q at %q", path, put.Header.Get("ETag"), put.Header.Get("Picloud-Position"))
			}
		}
	}
}

func TestApplyingTheExamplesAgainWritesNothing(t *testing.T) {
	c := photoApp(t)
	position := c.position()
	again := c.json(c.want(200, c.do("POST", "/apply", example(t, "photo-app.ttl"), turtle)))
	if c.position() != position || again["events"] != 0.0 {
		t.Errorf("the log moved from %d to %d: %v", position, c.position(), again)
	}
}

// What clients do not declare has no PUT; the answer says what there is.
func TestKindsThatThePlatformMakesAreNotDeclared(t *testing.T) {
	c := start(t, t.TempDir())
	for _, class := range schema.Model.Classes {
		if !class.Kind || class.Origin == base.Declared {
			continue
		}
		for _, method := range []string{"PUT", "PATCH", "DELETE"} {
			refused := c.want(405, c.do(method, "/"+class.Segment+"/x", "{}"))
			if allow := refused.Header.Get("Allow"); !strings.HasPrefix(allow, "GET, HEAD") || strings.Contains(allow, method) {
				t.Errorf("%s of a %s: Allow is %q", method, class.Word, allow)
			}
		}
	}
}

func TestEveryInvalidExampleNamesTheShapeThatItBreaks(t *testing.T) {
	c := start(t, t.TempDir())
	files, _ := filepath.Glob(examples + "kinds/*.invalid.ttl")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if kindOf(t, file).Origin != base.Declared {
			continue
		}
		rule, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# breaks: "), "\n")
		position := c.position()
		refused := c.want(422, c.do("POST", "/apply?deployment=x", string(text), turtle))
		violation := findViolation(c, refused, rule)
		if violation == nil {
			t.Errorf("%s does not name %s:\n%s", filepath.Base(file), rule, refused.body)
			continue
		}
		if violation["line"] == nil || violation["column"] == nil || violation["message"] == "" || violation["id"] == "" {
			t.Errorf("%s: no place or no sentence: %v", filepath.Base(file), violation)
		}
		if path := baseIRI.FindStringSubmatch(string(text))[1]; kindOf(t, file).Word != "cluster" {
			if put := c.want(422, c.do("PUT", path, string(text), turtle)); findViolation(c, put, rule) == nil {
				t.Errorf("PUT of %s does not name %s:\n%s", filepath.Base(file), rule, put.body)
			}
		}
		if c.position() != position {
			t.Errorf("%s was refused and wrote something", filepath.Base(file))
		}
	}
}

func findViolation(c *cluster, a answer, rule string) map[string]any {
	violations, _ := c.json(a)["violations"].([]any)
	for _, v := range violations {
		if v := v.(map[string]any); v["rule"] == rule {
			return v
		}
	}
	return nil
}
