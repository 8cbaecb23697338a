package tidy_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
)

// Each ban finds what it bans, and only that.
func TestBansFindWhatTheyBan(t *testing.T) {
	for rule, c := range map[string]struct{ banned, fine string }{
		"time.Sleep in a test": {`package x; func f() { time.Sleep(1) }`, `package x; func f() { clock.Sleep(1) }`},
		"InsecureSkipVerify":   {`package x; var c = tls.Config{InsecureSkipVerify: true}`, `package x; var c = tls.Config{InsecureSkipVerify: true, VerifyConnection: f}`},
		"math/rand":            {`package x; import "math/rand/v2"`, `package x; import "crypto/rand"`},
		"a shell":              {`package x; var c = exec.Command("/bin/sh", "-c", s)`, `package x; var c = exec.Command("go", "build")`},
		"package log":          {`package x; import "log"`, `package x; import "log/slog"`},
		"func init":            {`package x; func init() {}`, `package x; func (t T) init() {}`},
		"os.Exit in a library": {`package x; func f() { os.Exit(1) }`, `package x; func f() { os.Remove("x") }`},
		"http.DefaultClient":   {`package x; func f() { http.Get("x") }`, `package x; func f() { client.Get("x") }`},
		"encoding/gob":         {`package x; import "encoding/gob"`, `package x; import "encoding/json"`},
		"unsafe":               {`package x; import "unsafe"`, `package x; import "reflect"`},
	} {
		for _, b := range bans {
			if b.rule != rule {
				continue
			}
			if !finds(t, b, c.banned) {
				t.Errorf("%s: not found in %s", rule, c.banned)
			}
			if finds(t, b, c.fine) {
				t.Errorf("%s: found in %s", rule, c.fine)
			}
		}
	}
}

func finds(t *testing.T, b ban, source string) (found bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "x.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		found = found || n != nil && b.found(n)
		return true
	})
	return found
}

func TestForeignWordsAreFound(t *testing.T) {
	for text, want := range map[string]bool{
		"see /wor" + "k/shared for it": true, "/hom" + "e/alice/x": true, "https://proxy.golang." + "org/": true,
		"a work/life balance": false, "/workloads/x": false, "GET /products/photo-app/workload": false, "https://go.dev": false,
	} {
		found := false
		for _, f := range foreign {
			found = found || f.pattern.MatchString(text)
		}
		if found != want {
			t.Errorf("%q: found %t, want %t", text, found, want)
		}
	}
}
