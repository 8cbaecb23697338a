package lawtest

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path"
	"testing"
	"testing/fstest"

	"github.com/picloud/picloud/gen/emit/codec"
	"github.com/picloud/picloud/gen/emit/domain"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/quads"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

// odd is a kind with every form of field that the shipped kinds do without.
const odd = `
pc:Odd a pm:Kind, rdfs:Class, sh:NodeShape ; rdfs:subClassOf pc:Resource ;
  rdfs:label "odd"@en ; rdfs:comment "An odd has fields of unusual forms."@en ;
  pm:word "odd" ; pm:plural "odds" ; pm:segment "odds" ; pm:scope pm:Product ; pm:slice "product" ; pm:lifecycle pm:Reconciled ;
  sh:property pc:Odd-oddPorts, pc:Odd-oddSteps, pc:Odd-oddTimes, pc:Odd-oddMoments, pc:Odd-oddCounts, pc:Odd-oddModes, pc:Odd-oddOwner, pc:Odd-oddSeen .
pc:Odd-oddPorts   sh:path pc:oddPorts   ; sh:order 10 ; sh:node pm:Port     ; sh:minCount 1 ; sh:maxCount 4 ; sh:description "A set of numbers."@en .
pc:Odd-oddSteps   sh:path pc:oddSteps   ; sh:order 11 ; sh:maxCount 1 ; pm:ordered true ; pm:items pm:Count    ; pm:maxItems 4 ; sh:description "A list of numbers."@en .
pc:Odd-oddTimes   sh:path pc:oddTimes   ; sh:order 12 ; sh:maxCount 1 ; pm:ordered true ; pm:items pm:DateTime ; pm:maxItems 4 ; sh:description "A list of moments."@en .
pc:Odd-oddMoments sh:path pc:oddMoments ; sh:order 13 ; sh:node pm:DateTime ; sh:maxCount 4 ; sh:description "A set of moments."@en .
pc:Odd-oddCounts  sh:path pc:oddCounts  ; sh:order 14 ; sh:class pc:OddCount ; pm:key pc:key ; pm:valueField pc:oddCount ; sh:maxCount 4 ; sh:description "A map of numbers."@en .
pc:Odd-oddModes   sh:path pc:oddModes   ; sh:order 15 ; sh:class pc:OddMode  ; pm:key pc:key ; pm:valueField pc:mode     ; sh:maxCount 4 ; sh:description "A map of tokens."@en .
pc:Odd-oddOwner   sh:path pc:oddOwner   ; sh:order 16 ; sh:class pc:Identity ; sh:maxCount 1 ; pm:onDelete pm:Clear ; sh:description "A reference that can be cleared."@en .
pc:Odd-oddSeen    sh:path pc:oddSeen    ; sh:order 80 ; sh:node pm:DateTime ; sh:maxCount 1 ; pm:observed true ; sh:description "Something observed."@en .
pc:OddCount a pm:Value, rdfs:Class, sh:NodeShape ; rdfs:label "odd count"@en ; rdfs:comment "A number by key."@en ; sh:property pc:OddCount-key, pc:OddCount-oddCount .
pc:OddCount-key      sh:path pc:key      ; sh:order 1 ; sh:node pm:ConfigKey ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "The key."@en .
pc:OddCount-oddCount sh:path pc:oddCount ; sh:order 2 ; sh:node pm:Count ; sh:maxInclusive 9 ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "The number."@en .
pc:OddMode a pm:Value, rdfs:Class, sh:NodeShape ; rdfs:label "odd mode"@en ; rdfs:comment "A token by key."@en ; sh:property pc:OddMode-key, pc:OddMode-mode .
pc:OddMode-key  sh:path pc:key  ; sh:order 1 ; sh:node pm:ConfigKey  ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "The key."@en .
pc:OddMode-mode sh:path pc:mode ; sh:order 2 ; sh:class pc:VolumeMode ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "The token."@en .
`

const oddExample = `@prefix pc: <https://picloud.local/ontology#> .
</products/photo-app/odds/one> a pc:Odd ; pc:oddPorts 80 .
`

func TestEveryFormOfFieldCompiles(t *testing.T) {
	p := planned(t, func(name, content string) string {
		if name == "product.ttl" {
			return content + odd
		}
		return content
	})
	own := packages{}
	for _, emit := range []func(*plan.Plan) ([]write.File, error){domain.Emit, codec.Emit, quads.Emit} {
		files, err := emit(p)
		if err != nil {
			t.Fatal(err)
		}
		own.compile(t, files)
	}
}

// planned plans the shipped ontology after an edit.
func planned(t *testing.T, edit func(name, content string) string) *plan.Plan {
	t.Helper()
	edited := fstest.MapFS{}
	shipped := os.DirFS("../../ontology")
	err := fs.WalkDir(shipped, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(shipped, name)
		edited[name] = &fstest.MapFile{Data: []byte(edit(name, string(content)))}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range []string{"valid", "invalid"} {
		edited["examples/kinds/odd."+example+".ttl"] = &fstest.MapFile{Data: []byte(oddExample)}
	}
	source, err := load.Read(edited)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// packages are those that were compiled, by path; they come before those on
// disk.
type packages map[string]*types.Package

var onDisk = importer.ForCompiler(token.NewFileSet(), "source", nil)

func (own packages) Import(path string) (*types.Package, error) {
	if p := own[path]; p != nil {
		return p, nil
	}
	return onDisk.Import(path)
}

func (own packages) compile(t *testing.T, files []write.File) {
	t.Helper()
	set := token.NewFileSet()
	var parsed []*ast.File
	for _, f := range files {
		file, err := parser.ParseFile(set, f.Path, f.Content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	name := gocode.Module + "/" + path.Dir(files[0].Path)
	p, err := (&types.Config{Importer: own}).Check(name, set, parsed, nil)
	if err != nil {
		t.Fatal(err)
	}
	own[name] = p
}
