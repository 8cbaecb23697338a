package tidy_test

import (
	"go/parser"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// law is one row of the import law. A package keeps to the row with the
// nearest pattern that matches it; "x/..." matches x and all below it. Beside
// the standard library it may import what is below itself and what the row
// allows; a pattern there may end in "/..." too.
type law struct {
	packages []string
	may      []string
	why      string
}

const (
	raft       = "github.com/hashicorp/raft"
	prometheus = "github.com/prometheus/client_golang/..."
	cobra      = "github.com/spf13/cobra"
)

// kernel is the part of the runtime that knows no kind by name.
var kernel = []string{
	"runtime/disk/...", "runtime/eventlog/...", "runtime/catchup", "runtime/consensus/...", "runtime/state/...", "runtime/command/...", "runtime/projection/...",
	"runtime/dataset/...", "runtime/rdf/...", "runtime/sparql/...", "runtime/shacl/...", "runtime/lang/...", "runtime/reconcile/...", "runtime/reasoning/...",
}

var laws = []law{
	{[]string{"gen/base"}, nil, "generated code, SDK vectors and the kernel stand on it, so it stands on nothing"},
	{[]string{"gen/load"}, []string{"gen/base", "runtime/rdf"}, "the house has one Turtle parser; nothing else of the runtime is needed to generate"},
	{[]string{"gen/model"}, []string{"gen/base", "gen/load"}, "facts come before names and files"},
	{[]string{"gen/plan"}, []string{"gen/base", "gen/load", "gen/model"}, "names come before files"},
	{[]string{"gen/write"}, nil, "it puts bytes on disk and knows nothing of what they say"},
	{[]string{"gen/example"}, []string{"gen/base", "gen/load", "gen/plan", "runtime/rdf", "runtime/lang"}, "examples are read by the parser that reads the ontology, and shown in the language that people write"},
	{[]string{"gen/emit/gocode"}, []string{"gen/write", "github.com/dave/jennifer/..."}, "one package knows how Go is written"},
	{[]string{"gen/emit/..."}, []string{"gen/base", "gen/load", "gen/model", "gen/plan", "gen/write", "gen/example", "gen/emit/..."}, "emitters read the plan and make files; they never import what they made"},
	{[]string{"gen/emit/api"}, []string{"gen/base", "gen/model", "gen/plan", "gen/write", "gen/example", "gen/emit/gocode", "github.com/getkin/kin-openapi/...", "go.yaml.in/yaml/v3"}, "one package knows OpenAPI; its fixed part is YAML, for people"},
	{[]string{"gen/emit/client/core"}, []string{"gen/base", "generated/domain", "generated/codec", "generated/schema"}, "ordinary Go, tested as such, whose files are copied into generated/client"},
	{[]string{"gen/emit/cli/core"}, []string{"gen/base", "generated/client", "generated/domain", "generated/schema", cobra, "github.com/spf13/pflag"}, "ordinary Go, tested as such, whose files are copied into generated/cli"},
	{[]string{"gen/lawtest"}, []string{"gen/base", "generated/..."}, "promises about output that hold for every kind"},
	{[]string{"gen/agreement"}, []string{"gen", "gen/base", "gen/example", "gen/plan", "generated/...", "github.com/getkin/kin-openapi/...", "github.com/santhosh-tekuri/jsonschema/v6"}, "one place compares all statements of one constraint"},
	{[]string{"gen", "gen/gentest", "gen/tidy"}, []string{"gen/..."}, "the pipeline and the tests of the generator"},
	{[]string{"generated/cli"}, []string{"gen/base", "generated/...", cobra, "github.com/spf13/pflag"}, "verbs need the library of verbs; nothing else generated does"},
	{[]string{"generated/..."}, []string{"gen/base", "generated/..."}, "output never knows its users"},

	{[]string{"runtime/rdf/..."}, []string{"gen/base", "github.com/piprate/json-gold/ld", "github.com/RoaringBitmap/roaring/v2"}, "terms, store and formats; json-gold reads foreign JSON-LD and nothing else"},
	{[]string{"runtime/sparql/..."}, []string{"gen/base", "runtime/rdf/...", "runtime/sparql/...", "github.com/cockroachdb/apd/v3", "github.com/RoaringBitmap/roaring/v2"}, "queries know the graph and not who fills it"},
	{[]string{"runtime/live/..."}, []string{"gen/base", "runtime/rdf", "runtime/sparql/..."}, "live queries know graphs that change and not who changes them"},
	{[]string{"runtime/shacl/..."}, []string{"gen/base", "runtime/rdf/...", "runtime/sparql/value", "github.com/RoaringBitmap/roaring/v2"}, "shapes judge graphs; what values are is said once, beside the queries"},
	{[]string{"runtime/reasoning/..."}, []string{"gen/base", "runtime/rdf"}, "what follows from a graph, whoever fills it and asks it"},
	{[]string{"runtime/ontology/..."}, []string{"gen/base", "runtime/rdf", "runtime/shacl", "runtime/reasoning"}, "what a product says of itself is judged by those who read it"},
	{[]string{"runtime/lang/..."}, []string{"gen/base", "generated/schema", "runtime/rdf/..."}, "the language knows kinds as data, so that it needs no server"},
	{[]string{"runtime/disk/..."}, []string{"runtime/disk"}, "files and nothing of what they hold"},
	{[]string{"runtime/eventlog/..."}, []string{"gen/base", "runtime/disk/...", "runtime/eventlog/archive", "golang.org/x/sys/..."}, "the log keeps bytes"},
	{[]string{"runtime/eventlog/archive"}, []string{"runtime/disk", "github.com/klauspost/compress/zstd"}, "one package knows how old segments are compressed"},
	{[]string{"runtime/catchup"}, []string{"runtime/disk/...", "runtime/eventlog"}, "members hand each other the bytes of the log, whatever they say"},
	{[]string{"runtime/consensus/..."}, []string{"gen/base", "runtime/disk/...", "runtime/eventlog/...", raft + "/...", raft + "-boltdb/v2", "github.com/hashicorp/go-hclog", "go.etcd.io/bbolt"}, "only this package knows Raft"},
	{[]string{"runtime/backup"}, []string{"runtime/eventlog", "filippo.io/age", "github.com/klauspost/compress/zstd"}, "a backup is the log and the keys, whatever they say"},
	{[]string{"runtime/peer"}, []string{raft, "golang.org/x/sys/..."}, "the wire between members: Raft's streams (its interface only), HTTP, and who may speak"},
	{[]string{"runtime/dataset/..."}, slices.Concat([]string{"gen/base", "generated/domain", "generated/codec", "github.com/klauspost/compress/zstd"}, kernel), "changes of datasets are packed here and nowhere else"},
	{[]string{"runtime/state/...", "runtime/command/...", "runtime/projection/...", "runtime/reconcile/..."}, slices.Concat([]string{"gen/base", "generated/domain", "generated/codec", "generated/quads", "generated/schema", "github.com/tidwall/btree"}, kernel), "the kernel treats all kinds alike"},

	{[]string{"runtime/discovery/..."}, []string{"golang.org/x/net/...", "golang.org/x/sys/..."}, "finding neighbours knows the network and nothing of the platform"},
	{[]string{"runtime/iam/...", "runtime/membership", "runtime/insight"}, slice, "slices never import each other; they meet in the log"},
	{[]string{"runtime/enroll/ticket"}, nil, "the client part makes enrolment tokens, so their text stands on nothing"},
	{[]string{"runtime/http/..."}, slices.Concat([]string{"gen/base", "generated/...", "runtime/iam", "runtime/live", "runtime/membership", prometheus, "github.com/google/uuid", "github.com/klauspost/compress/..."}, kernel), "the edge sees the kernel and the output; what it serves comes from them"},
	{[]string{"runtime/...", "cmd/picloud/..."}, []string{"gen/base", "generated/...", "runtime/...", "cmd/picloud/...", cobra, "github.com/spf13/pflag", prometheus, "golang.org/x/term", "golang.org/x/sys/...", "go.yaml.in/yaml/v3", "github.com/google/uuid", "github.com/hashicorp/go-hclog"}, "the whole is put together in runtime/node and the command"},
	{[]string{"cmd/picloud/cli"}, []string{"gen/base", "generated/...", "runtime/lang", "runtime/rdf", "runtime/enroll/ticket", cobra, "go.yaml.in/yaml/v3"}, "the client part builds on every system and needs no node"},
	{[]string{"cmd/picloud/clusterbench/etcdload"}, []string{"go.etcd.io/etcd/client/v3"}, "a module of its own, which measures what picloud is compared with"},
	{[]string{"cmd/picloud-gen"}, []string{"gen", "gen/load", "gen/plan", "gen/write"}, "the command drives the pipeline"},
}

// slice is what every slice may import.
var slice = slices.Concat([]string{"gen/base", "generated/..."}, kernel)

// testLibraries may be imported by any test and by nothing else.
var testLibraries = []string{
	"github.com/google/go-cmp/...", "github.com/rogpeppe/go-internal/...", "pgregory.net/rapid", "go.uber.org/goleak",
	"github.com/knakk/rdf", "github.com/santhosh-tekuri/jsonschema/v6", "github.com/getkin/kin-openapi/...",
	"github.com/piprate/json-gold/ld", "github.com/hashicorp/go-hclog", raft, "go.etcd.io/bbolt", "golang.org/x/net/...", "github.com/hashicorp/mdns", "github.com/anishathalye/porcupine",
}

func matches(pattern, name string) bool {
	stem, below := strings.CutSuffix(pattern, "/...")
	return name == stem || below && strings.HasPrefix(name, stem+"/")
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, name) })
}

// lawOf is the row with the nearest matching pattern, or -1.
func lawOf(pkg string) int {
	best, nearest := -1, 0
	for i, l := range laws {
		for _, p := range l.packages {
			if near := len(strings.TrimSuffix(p, "/...")); matches(p, pkg) && near > nearest {
				best, nearest = i, near
			}
		}
	}
	return best
}

func TestImportsKeepTheLaw(t *testing.T) {
	r := read(t)
	used := map[int]bool{}
	for _, name := range r.goFiles() {
		pkg := path.Dir(name)
		row := lawOf(pkg)
		if row < 0 {
			t.Errorf("%s: package %s has no row in the import law; add one with its reason", name, pkg)
			continue
		}
		used[row] = true
		set, file := r.parse(t, name, parser.ImportsOnly)
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !allowed(pkg, imported, laws[row].may, isTest(name)) {
				t.Errorf("%s: %s may not import %s: %s", set.Position(spec.Pos()), pkg, imported, laws[row].why)
			}
		}
	}
	for i, l := range laws {
		if !used[i] {
			t.Errorf("the row of the import law for %s matches no package; remove it", strings.Join(l.packages, ", "))
		}
	}
}

// allowed judges one import.
func allowed(pkg, imported string, may []string, test bool) bool {
	own, ours := strings.CutPrefix(imported, module)
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case !ours && !strings.Contains(first, "."):
		return true // the standard library
	case ours && matches(pkg+"/...", own):
		return true
	case test && ours:
		return !strings.HasPrefix(pkg, "gen/base") // tests put parts together as they need; the leaf stays one
	case test && matchesAny(testLibraries, imported):
		return true
	case ours:
		return matchesAny(may, own)
	}
	return matchesAny(may, imported)
}

// Decide and Evolve give the same answer on every node and for ever.
func TestGeneratedDomainIsPure(t *testing.T) {
	r := read(t)
	pure := []string{module + "gen/base", "cmp", "errors", "fmt", "iter", "maps", "slices", "strconv", "strings"}
	for _, name := range r.goFiles() {
		if path.Dir(name) != "generated/domain" || isTest(name) {
			continue
		}
		_, file := r.parse(t, name, parser.ImportsOnly)
		for _, spec := range file.Imports {
			if imported, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(pure, imported) {
				t.Errorf("%s imports %s; the law of the kinds has no clock, no chance and no input or output (%s)", name, imported, strings.Join(pure, ", "))
			}
		}
	}
}

func TestLawTellsForeignImportsApart(t *testing.T) {
	for _, c := range []struct {
		pkg, imported string
		test, want    bool
	}{
		{"gen/base", "strings", false, true},
		{"gen/base", module + "gen/write", false, false},
		{"gen/base", "github.com/spf13/cobra", false, false},
		{"gen/load", module + "runtime/rdf", false, true},
		{"generated/domain", module + "generated/codec", false, true},
		{"generated/domain", module + "runtime/rdf", false, false},
		{"generated/domain", module + "gen/plan", false, false},
		{"runtime/iam", module + "runtime/storage", false, false},
		{"runtime/eventlog", "github.com/hashicorp/raft", false, false},
		{"runtime/consensus", "github.com/hashicorp/raft", false, true},
		{"runtime/rdf", "github.com/knakk/rdf", false, false},
		{"runtime/rdf", "github.com/knakk/rdf", true, true},
		{"runtime/lang", module + "generated/domain", false, false},
	} {
		if got := allowed(c.pkg, c.imported, laws[lawOf(c.pkg)].may, c.test); got != c.want {
			t.Errorf("%s imports %s (test %t): allowed %t, want %t", c.pkg, c.imported, c.test, got, c.want)
		}
	}
}
