package tidy_test

import (
	"go/ast"
	"go/parser"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/write"
)

func TestGeneratedOutputIsNotStale(t *testing.T) {
	root, err := gen.Root(gentest.Root(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	changes, err := gen.Changes(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		var b strings.Builder
		write.Diff(&b, c)
		t.Error(b.String())
	}
	if len(changes) > 0 {
		t.Error("run: make generate")
	}
}

func TestEverythingBelowGeneratedIsGenerated(t *testing.T) {
	owned := gen.Owned(gen.Outputs())
	for _, name := range read(t).names {
		if handWritten(name) {
			continue
		}
		if !slices.ContainsFunc(owned, func(o string) bool { return name == o || strings.HasSuffix(o, "/") && strings.HasPrefix(name, o) }) {
			t.Errorf("%s belongs to no output; declare it in gen/outputs.go or move it", name)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	r := read(t)
	said, packages := map[string]bool{}, map[string]bool{}
	for _, name := range r.goFiles() {
		if isTest(name) {
			continue
		}
		packages[path.Dir(name)] = true
		if path.Base(name) != "doc.go" && handWritten(name) {
			continue
		}
		_, file := r.parse(t, name, parser.PackageClauseOnly|parser.ParseComments)
		begins := "Package " + file.Name.Name + " "
		if file.Name.Name == "main" {
			begins = "Command " + path.Base(path.Dir(name)) + " "
		}
		if text := file.Doc.Text(); strings.HasPrefix(text, begins) {
			said[path.Dir(name)] = true
		}
	}
	for name := range packages {
		if !said[name] {
			t.Errorf("%s has no doc.go that begins with \"// Package name …\" or \"// Command name …\" and says what it is and what it deliberately lacks", name)
		}
	}
}

// lineBudget is what a hand-written file of Go may have; most have half.
const lineBudget = 800

func TestFilesKeepTheirBudget(t *testing.T) {
	r := read(t)
	for _, name := range r.goFiles() {
		if n := strings.Count(r.text[name], "\n"); handWritten(name) && n > lineBudget {
			t.Errorf("%s has %d lines, above %d; cut it where its subject changes", name, n, lineBudget)
		}
	}
}

// excuse lets one file do what a rule bans.
type excuse struct{ file, rule, why string }

var excuses = []excuse{
	{"cmd/picloud/readme_test.go", "a shell", "a page shows commands for a shell, and they are run as they stand"},
	{"runtime/disk/faulty/random.go", "math/rand", "the faults of a test are no secret, and a seed has to repeat them"},
	{"runtime/sparql/compile.go", "math/rand", "RAND() of SPARQL is no secret, and a query may ask for it for every row"},
}

// ban is a call or name that stays out, and what takes its place.
type ban struct {
	rule    string
	instead string
	in      func(name string) bool
	found   func(n ast.Node) bool
}

func everywhere(string) bool     { return true }
func program(name string) bool   { return !isTest(name) }
func byHand(name string) bool    { return handWritten(name) && !isTest(name) }
func inTests(name string) bool   { return isTest(name) }
func inLibrary(name string) bool { return !isTest(name) && !strings.HasPrefix(name, "cmd/") }

var bans = []ban{
	{"time.Sleep in a test", "wait on a channel, or use testing/synctest", inTests, calls("time", "Sleep")},
	{"InsecureSkipVerify", "trust the cluster's CA: tls.Config.RootCAs; where keys count and names do not, judge them in VerifyConnection of the same literal", everywhere, unverified},
	{"math/rand", "crypto/rand: what is guessed is no secret", program, imports("math/rand", "math/rand/v2")},
	{"a shell", "exec.Command with the program itself and its arguments one by one", everywhere, shell},
	{"package log", "log/slog, handed in by the constructor; slog.NewLogLogger where a *log.Logger is asked for", program, imports("log")},
	{"func init", "a constructor that is called where it is needed", byHand, initializer},
	{"os.Exit in a library", "return an error", inLibrary, calls("os", "Exit")},
	{"http.DefaultClient", "a client with time-outs and the cluster's CA", program, calls("http", "Get", "Post", "Head", "PostForm")},
	{"encoding/gob", "generated/codec: what is stored has a format that another release reads", everywhere, imports("encoding/gob")},
	{"unsafe", "plain Go", everywhere, imports("unsafe")},
}

// calls finds pkg.name(…).
func calls(pkg string, names ...string) func(ast.Node) bool {
	return func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return false
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		x, ok := selector.X.(*ast.Ident)
		return ok && x.Name == pkg && slices.Contains(names, selector.Sel.Name)
	}
}

// unverified finds InsecureSkipVerify where nothing takes the place of what is
// skipped: set later, or in a literal without VerifyConnection.
func unverified(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.SelectorExpr:
		return n.Sel.Name == "InsecureSkipVerify"
	case *ast.CompositeLit:
		return hasKey(n, "InsecureSkipVerify") && !hasKey(n, "VerifyConnection")
	}
	return false
}

func hasKey(literal *ast.CompositeLit, key string) bool {
	return slices.ContainsFunc(literal.Elts, func(e ast.Expr) bool {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		id, ok := pair.Key.(*ast.Ident)
		return ok && id.Name == key
	})
}

func imports(paths ...string) func(ast.Node) bool {
	return func(n ast.Node) bool {
		spec, ok := n.(*ast.ImportSpec)
		return ok && slices.Contains(paths, strings.Trim(spec.Path.Value, `"`))
	}
}

func initializer(n ast.Node) bool {
	f, ok := n.(*ast.FuncDecl)
	return ok && f.Recv == nil && f.Name.Name == "init"
}

// shell finds exec.Command and exec.CommandContext of a shell.
func shell(n ast.Node) bool {
	if !calls("exec", "Command", "CommandContext")(n) {
		return false
	}
	return slices.ContainsFunc(n.(*ast.CallExpr).Args, func(arg ast.Expr) bool {
		literal, ok := arg.(*ast.BasicLit)
		if !ok {
			return false
		}
		program, err := strconv.Unquote(literal.Value)
		return err == nil && slices.Contains([]string{"sh", "bash", "dash", "zsh", "cmd", "powershell"}, path.Base(program))
	})
}

func TestBannedCallsStayOut(t *testing.T) {
	r := read(t)
	needed := map[excuse]bool{}
	for _, name := range r.goFiles() {
		set, file := r.parse(t, name, parser.SkipObjectResolution)
		ast.Inspect(file, func(n ast.Node) bool {
			for _, b := range bans {
				if n == nil || !b.in(name) || !b.found(n) {
					continue
				}
				if i := slices.IndexFunc(excuses, func(e excuse) bool { return e.file == name && e.rule == b.rule }); i >= 0 {
					needed[excuses[i]] = true
					continue
				}
				t.Errorf("%s: %s is banned; instead: %s", set.Position(n.Pos()), b.rule, b.instead)
			}
			return true
		})
	}
	for _, e := range excuses {
		if !needed[e] {
			t.Errorf("%s needs no excuse for %s any more; remove it", e.file, e.rule)
		}
	}
}

// foreign finds what belongs to a machine or a network and not to the project.
// The patterns are written so that they do not find themselves.
var foreign = []struct {
	what    string
	pattern *regexp.Regexp
}{
	{"a path of one machine", regexp.MustCompile(`(^|[^A-Za-z0-9_.}/-])/(wor[k]|roo[t])(/[a-z]|\b["'` + "`" + `])|/hom[e]/[a-z]+/|/User[s]/[A-Za-z]+/`)},
	{"the host of a package registry", regexp.MustCompile(`(proxy|sum)[.]golang[.]or[g]|registry[.]npmjs[.]or[g]|pypi[.]or[g]|static[.]crates[.]i[o]|api[.]nuget[.]or[g]`)},
}

func TestNothingOfAMachineGotIn(t *testing.T) {
	r := read(t)
	for _, name := range r.names {
		line := 0
		for text := range strings.Lines(r.text[name]) {
			line++
			for _, f := range foreign {
				if found := f.pattern.FindString(text); found != "" {
					t.Errorf("%s:%d: %q is %s", name, line, strings.TrimSpace(found), f.what)
				}
			}
		}
	}
}

// TestKernelKnowsNoKindByName: what kinds there are is the ontology's affair;
// the kernel treats them alike, through interfaces and the model.
func TestKernelKnowsNoKindByName(t *testing.T) {
	p, err := gen.Plan(gentest.Ontology(t))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for _, k := range p.Kinds {
		for _, name := range []string{k.Go, k.Spec, k.Status, k.Declare, k.Delete, k.Observe, k.Const, k.Term} {
			known[name] = k.Word
		}
		for _, e := range k.Events {
			known[e.Go], known[e.Const], known[e.Term] = k.Word, k.Word, k.Word
		}
	}
	delete(known, "")
	r := read(t)
	for _, name := range r.goFiles() {
		if isTest(name) || !matchesAny(kernel, path.Dir(name)) {
			continue
		}
		set, file := r.parse(t, name, parser.SkipObjectResolution)
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := selector.X.(*ast.Ident); ok && (x.Name == "domain" || x.Name == "codec" || x.Name == "quads") && known[selector.Sel.Name] != "" {
				t.Errorf("%s: %s.%s names the kind %s; the kernel treats kinds alike, by domain.Resource or schema.Model",
					set.Position(n.Pos()), x.Name, selector.Sel.Name, known[selector.Sel.Name])
			}
			return true
		})
	}
}
