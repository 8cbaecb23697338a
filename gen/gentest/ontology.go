package gentest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// Root is the root of the repository: the nearest folder above with a go.mod.
func Root(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("no go.mod above the test")
		}
		folder = filepath.Dir(folder)
	}
}

// Ontology is the shipped ontology in memory, to be changed at will.
func Ontology(t testing.TB) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	folder := os.DirFS(filepath.Join(Root(t), "ontology"))
	err := fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".ttl" {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// Kind is a kind that a test adds to an ontology.
type Kind struct {
	Name, Word string
}

// NewKind is the kind by which "a kind is one edit of Turtle" is tried. Its
// names are free in the ontology, whatever kinds people have added and however
// often this one was: the tests of a tree with a kind more must pass as well.
func NewKind(t testing.TB, ontology fs.FS) Kind {
	t.Helper()
	for n := 1; ; n++ {
		k := Kind{Name: fmt.Sprintf("TriedKind%d", n), Word: fmt.Sprintf("tried-kind-%d", n)}
		_, err := fs.Stat(ontology, k.example("valid"))
		if errors.Is(err, fs.ErrNotExist) {
			return k
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Turtle is what has to be added to an ontology for the kind: text at the end
// of a file, or a new file.
func (k Kind) Turtle() map[string]string {
	names := strings.NewReplacer("{Name}", k.Name, "{word}", k.Word)
	return map[string]string{
		"workload.ttl":       names.Replace(kindClass),
		k.example("valid"):   names.Replace(kindValid),
		k.example("invalid"): names.Replace(kindInvalid),
	}
}

func (k Kind) example(name string) string { return "examples/kinds/" + k.Word + "." + name + ".ttl" }

// The fields have words that people take too ("cron", "timezone"), of
// properties that nobody else takes.
const kindClass = `
pc:{Name} a pm:Kind, rdfs:Class, sh:NodeShape ; rdfs:subClassOf pc:Resource ;
  rdfs:label "{word}"@en ; rdfs:comment "A {word} starts a workload at set times."@en ;
  pm:word "{word}" ; pm:plural "{word}s" ; pm:segment "{word}s" ; pm:scope pm:Product ; pm:slice "workload" ; pm:lifecycle pm:Declarative ;
  sh:property pc:{Name}-triedCron, pc:{Name}-target, pc:{Name}-triedZone, pc:{Name}-enabled .

pc:{Name}-triedCron sh:path pc:triedCron ; sh:order 10 ; pm:name "cron" ; sh:node pm:Cron ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "When it starts the workload."@en .
pc:{Name}-target    sh:path pc:target    ; sh:order 11 ; sh:class pc:Workload ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "The workload."@en .
pc:{Name}-triedZone sh:path pc:triedZone ; sh:order 12 ; pm:name "timezone" ; sh:node pm:TimeZone ; sh:maxCount 1 ; sh:defaultValue "UTC" ; sh:description "Time zone of the times."@en .
pc:{Name}-enabled   sh:path pc:enabled   ; sh:order 13 ; sh:node pm:Boolean ; sh:maxCount 1 ; sh:defaultValue true ; sh:description "Whether it starts anything."@en .
`

const kindValid = `# A container that cleans up every night.

@base <https://picloud.local/products/photo-app/{word}s/nightly> .
@prefix pc: <https://picloud.local/ontology#> .

<> a pc:{Name} ;
   pc:triedCron "0 3 * * *" ;
   pc:target    </products/photo-app/containers/api-server> ;
   pc:triedZone "Europe/Berlin" .
`

const kindInvalid = `# breaks: https://picloud.local/ontology#{Name}-triedCron
# It needs times.

@base <https://picloud.local/products/photo-app/{word}s/nightly> .
@prefix pc: <https://picloud.local/ontology#> .

<> a pc:{Name} ;
   pc:target </products/photo-app/containers/api-server> .
`

// Add appends text to files of an ontology in memory.
func Add(files fstest.MapFS, more map[string]string) {
	for name, text := range more {
		var before []byte
		if f := files[name]; f != nil {
			before = f.Data
		}
		files[name] = &fstest.MapFile{Data: append(before[:len(before):len(before)], text...)}
	}
}

// Kinds adds n kinds of ordinary size, in slices of their own of thirty each.
func Kinds(files fstest.MapFS, n int) {
	const perSlice = 30
	for i := range n {
		slice := fmt.Sprintf("extra%d", i/perSlice)
		name, word := fmt.Sprintf("Extra%dKind", i), fmt.Sprintf("extra-%d", i)
		var b strings.Builder
		if i%perSlice == 0 {
			b.WriteString(prefixes)
		}
		fmt.Fprintf(&b, `
pc:%[1]s a pm:Kind, rdfs:Class, sh:NodeShape ; rdfs:subClassOf pc:Resource ;
  rdfs:label "extra kind %[2]d"@en ; rdfs:comment "An extra kind, number %[2]d."@en ;
  pm:word "%[3]s" ; pm:plural "%[3]ss" ; pm:segment "%[3]ss" ; pm:scope pm:Product ; pm:slice "%[4]s" ; pm:lifecycle pm:Reconciled ; pm:reconciler false ;
  sh:property pc:%[1]s-image, pc:%[1]s-args, pc:%[1]s-env, pc:%[1]s-replicas, pc:%[1]s-mounts, pc:%[1]s-resources, pc:%[1]s-tls, pc:%[1]s-used, pc:%[1]s-nodes .
pc:%[1]s-image     sh:path pc:image     ; sh:order 10 ; sh:node pm:ImageRef ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "Image of it."@en .
pc:%[1]s-args      sh:path pc:args      ; sh:order 11 ; sh:maxCount 1 ; pm:ordered true ; pm:items pm:Text ; pm:maxItems 64 ; sh:description "Arguments, in order."@en .
pc:%[1]s-env       sh:path pc:env       ; sh:order 12 ; sh:class pc:EnvVar ; pm:key pc:key ; sh:maxCount 256 ; sh:description "Variables by name."@en .
pc:%[1]s-replicas  sh:path pc:replicas  ; sh:order 13 ; sh:node pm:Count ; sh:maxInclusive 64 ; sh:maxCount 1 ; sh:defaultValue 1 ; sh:description "Instances wanted."@en .
pc:%[1]s-mounts    sh:path pc:mounts    ; sh:order 14 ; sh:class pc:Mount ; pm:key pc:volume ; sh:maxCount 64 ; sh:description "Volumes and where they appear."@en .
pc:%[1]s-resources sh:path pc:resources ; sh:order 15 ; sh:class pc:Resources ; sh:maxCount 1 ; sh:description "CPU and memory."@en .
pc:%[1]s-tls       sh:path pc:tls       ; sh:order 16 ; sh:node pm:Boolean ; sh:maxCount 1 ; sh:defaultValue true ; sh:description "Whether by TLS only."@en .
pc:%[1]s-used      sh:path pc:used      ; sh:order 80 ; sh:node pm:Bytes ; sh:maxCount 1 ; pm:observed true ; sh:description "Space in use."@en .
pc:%[1]s-nodes     sh:path pc:nodes     ; sh:order 81 ; sh:class pc:Node ; sh:maxCount 16 ; pm:observed true ; sh:description "Nodes of it."@en .
`, name, i, word, slice)
		Add(files, map[string]string{
			slice + ".ttl":                            b.String(),
			"examples/kinds/" + word + ".valid.ttl":   fmt.Sprintf(extraExample, word, name, `pc:image "photo-api:1.0.0"`),
			"examples/kinds/" + word + ".invalid.ttl": fmt.Sprintf(extraExample, word, name, `pc:tls true`),
		})
	}
}

const extraExample = `@base <https://picloud.local/products/photo-app/%ss/one> .
@prefix pc: <https://picloud.local/ontology#> .
<> a pc:%s ; %s .
`

const prefixes = `@prefix pc:   <https://picloud.local/ontology#> .
@prefix pm:   <https://picloud.local/ontology/meta#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix sh:   <http://www.w3.org/ns/shacl#> .
`

// CopyTree copies the repository, without its history, for tests that
// generate and compile. Changes are made with AddTo.
func CopyTree(t testing.TB, into string) {
	t.Helper()
	root := Root(t)
	for _, name := range []string{"ontology", "gen", "generated", "runtime", "cmd"} {
		if err := os.CopyFS(filepath.Join(into, name), os.DirFS(filepath.Join(root, name))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(into, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// AddTo appends text to files of the ontology of a copied repository.
func AddTo(t testing.TB, root string, more map[string]string) {
	t.Helper()
	for name, text := range more {
		f, err := os.OpenFile(filepath.Join(root, "ontology", name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(text)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
