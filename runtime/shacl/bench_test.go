package shacl_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/shacl"
)

// cluster is the deployment of the examples, copies times.
func cluster(b *testing.B, copies int) shacl.Graph {
	b.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "ontology", "examples", "photo-app.ttl"))
	if err != nil {
		b.Fatal(err)
	}
	var texts []shacl.Text
	for i := range copies {
		renamed := bytes.ReplaceAll(content, []byte("photo-app"), fmt.Appendf(nil, "photo-app-%d", i))
		texts = append(texts, shacl.Text{Content: renamed, Format: rdf.Turtle})
	}
	g, err := shacl.Read(texts...)
	if err != nil {
		b.Fatal(err)
	}
	g.Texts = nil
	return g
}

// timed is the program that a Python with pyshacl runs: it prints how many
// nanoseconds the validation of its second argument took, reading left out.
const timed = `
import sys, time
import rdflib, pyshacl
shapes = rdflib.Graph().parse(sys.argv[1], format="turtle")
data = rdflib.Graph().parse(sys.argv[2], format="nt")
began = time.perf_counter_ns()
conforms, _, _ = pyshacl.validate(data, shacl_graph=shapes)
print(time.perf_counter_ns() - began, conforms)
`

// BenchmarkValidate validates the example deployment, and as many copies of it as
// are 100,000 quads, against the shapes of documents: here, and by pyshacl in the
// same run where PICLOUD_PYTHON has it.
func BenchmarkValidate(b *testing.B) {
	shapesText := shacl.Text{Name: "shapes.ttl", Content: schema.ShapesTurtle, Format: rdf.Turtle}
	g, err := shacl.Read(shapesText)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := shacl.Parse(g); err != nil {
				b.Fatal(err)
			}
		}
	})
	s, err := shacl.Parse(g)
	if err != nil {
		b.Fatal(err)
	}
	for _, copies := range []int{1, 1230} {
		data := cluster(b, copies)
		judged := 0
		b.Run(fmt.Sprintf("ours/quads=%d", data.Snapshot.Len()), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				report, err := s.Validate(b.Context(), data, shacl.Limits{})
				if err != nil || !report.Conforms {
					b.Fatal(err, "or a result")
				}
				judged = report.Judged
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(judged), "ns/focus")
		})
		b.Run(fmt.Sprintf("pyshacl/quads=%d", data.Snapshot.Len()), func(b *testing.B) { python(b, data, judged) })
	}
}

func python(b *testing.B, data shacl.Graph, judged int) {
	interpreter := cmp.Or(os.Getenv("PICLOUD_PYTHON"), "python3")
	if err := exec.Command(interpreter, "-c", "import pyshacl").Run(); err != nil {
		b.Skipf("skipped: %s cannot import pyshacl; name an interpreter that has it with PICLOUD_PYTHON", interpreter)
	}
	dir := b.TempDir()
	var text bytes.Buffer
	if err := rdf.Write(&text, rdf.NTriples, data.Snapshot.Quads(rdf.IDQuad{}), rdf.WriteOptions{}); err != nil {
		b.Fatal(err)
	}
	for name, content := range map[string][]byte{"shapes.ttl": schema.ShapesTurtle, "data.nt": text.Bytes()} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	total := 0
	for range b.N {
		out, err := exec.Command(interpreter, "-c", timed, filepath.Join(dir, "shapes.ttl"), filepath.Join(dir, "data.nt")).Output()
		if err != nil {
			b.Fatal(err)
		}
		took, verdict, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
		n, err := strconv.Atoi(took)
		if err != nil || verdict != "True" {
			b.Fatalf("%s %v", out, err)
		}
		total += n
	}
	b.ReportMetric(float64(total)/float64(b.N), "ns/op")
	b.ReportMetric(float64(total)/float64(b.N)/float64(judged), "ns/focus")
}
