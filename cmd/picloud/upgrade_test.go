//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/domain"
)

// olderRelease is the commit that the older program is built from: the first whose
// releases have a level. Its ontology lacks the kind that newerKind adds.
const olderRelease = "17b459f"

// newerKind is what the newer release knows and the older one does not.
const newerKind = `
# ── bookmark ──────────────────────────────────────────────────────────────────

pc:Bookmark a pm:Kind, rdfs:Class, sh:NodeShape ; rdfs:subClassOf pc:Resource ;
  rdfs:label "bookmark"@en ; rdfs:comment "A bookmark is a place that a product comes back to."@en ;
  pm:word "bookmark" ; pm:plural "bookmarks" ; pm:segment "bookmarks" ; pm:scope pm:Product ; pm:slice "product" ; pm:lifecycle pm:Declarative ; pm:level 2 ;
  sh:property pc:Bookmark-leaf .

pc:Bookmark-leaf sh:path pc:leaf ; sh:order 10 ; sh:node pm:Count ; sh:minCount 1 ; sh:maxCount 1 ; sh:description "Which leaf it lies before."@en .
`

const newerExample = `# A bookmark.

@base <https://picloud.local/products/photo-app/bookmarks/last> .
@prefix pc: <https://picloud.local/ontology#> .

<> a pc:Bookmark ;
   pc:leaf LEAF .
`

// root is the repository, seen from this folder.
const root = "../.."

// releases builds an older and a newer program of what the repository has committed.
// Where the history lacks the older one, it skips with that reason.
func releases(t *testing.T) (older, newer string) {
	t.Helper()
	if err := exec.Command("git", "-C", root, "cat-file", "-e", olderRelease+"^{commit}").Run(); err != nil {
		t.Skipf("the older release cannot be built: this clone has no commit %s (%v)", olderRelease, err)
	}
	dir := t.TempDir()
	run := func(at, program string, arguments ...string) {
		t.Helper()
		c := exec.Command(program, arguments...)
		c.Dir, c.Env = at, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", program, arguments, err, out)
		}
	}
	tree := func(name, commit string) (at string) {
		t.Helper()
		at = filepath.Join(dir, name)
		run(root, "git", "archive", "--prefix", name+"/", "--output", at+".tar", commit)
		run(dir, "tar", "-xf", at+".tar")
		return at
	}
	build := func(at, version string) (program string) {
		t.Helper()
		program = at + "-picloud"
		run(at, "go", "build", "-trimpath", "-ldflags", "-X main.version="+version, "-o", program, "./cmd/picloud")
		return program
	}
	older = build(tree("older", olderRelease), "v0.1.0")
	with := tree("newer", "HEAD")
	for name, text := range map[string]string{
		"product.ttl":                         newerKind,
		"examples/kinds/bookmark.valid.ttl":   strings.Replace(newerExample, "LEAF", "7", 1),
		"examples/kinds/bookmark.invalid.ttl": "# breaks: https://picloud.local/ontology#Bookmark-leaf\n" + strings.Replace(newerExample, "LEAF", "-1", 1),
	} {
		f, err := os.OpenFile(filepath.Join(with, "ontology", name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = f.WriteString(text); errors.Join(err, f.Close()) != nil {
			t.Fatal(err)
		}
	}
	run(with, "go", "run", "./cmd/picloud-gen", "generate")
	return older, build(with, "v0.2.0")
}

// stop ends a server as an operator does.
func (s *servers) stop(i int) {
	s.t.Helper()
	c := s.running[i]
	s.running[i] = nil
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := c.Wait(); err != nil { // it was slow to end, which loses nothing
		s.t.Logf("%s ended with %v", s.name(i), err)
	}
}

// until waits for something, for as long as a busy machine may take.
func until(t *testing.T, what string, holds func() (bool, string)) {
	t.Helper()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for late := time.After(3 * time.Minute); ; <-look.C {
		ok, found := holds()
		if ok {
			return
		}
		select {
		case <-late:
			t.Fatalf("never: %s; found\n%s", what, found)
		default:
		}
	}
}

// shows waits until the status of the cluster has all the words.
func (s *servers) shows(words ...string) {
	s.t.Helper()
	until(s.t, "the status has "+strings.Join(words, " and "), func() (bool, string) {
		c := exec.Command("picloud", "cluster", "status")
		c.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(s.dir, "config"))
		out, _ := c.CombinedOutput() // what it prints tells
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(string(out), word) }), string(out)
	})
}

// refuses runs a server that is to end by itself, and gives what it says.
func (s *servers) refuses(program string, arguments ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, append([]string{"server"}, arguments...)...).CombinedOutput()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ctx.Err() != nil {
		s.t.Fatalf("the older release did not refuse: %v\n%s", err, out)
	}
	return string(out)
}

// tooOld are the words of a release that a cluster has left behind.
var tooOld = []string{"a newer release of picloud is needed", "level 2", "v0.2.0", "nothing is lost"}

func (s *servers) says(text string, words ...string) {
	s.t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			s.t.Errorf("%q is not in\n%s", word, text)
		}
	}
}

// mark declares a resource of the newer kind.
func mark(ctx context.Context, c *client.Client) error {
	_, err := c.Do(ctx, client.Request{
		Method: "PUT", Path: "/products/shop/bookmarks/last", ContentType: "application/json", Accept: "application/json", Body: []byte(`{"leaf":7}`),
	})
	return err
}

// TestClusterIsUpgradedNodeByNode: three nodes go from one release to the next
// under load, with programs that were really built from two ontologies.
func TestClusterIsUpgradedNodeByNode(t *testing.T) {
	if os.Getenv("PICLOUD_UPGRADE") == "" && os.Getenv("PICLOUD_LONG") == "" {
		t.Skip("it builds two releases: make upgrade, or PICLOUD_UPGRADE=1")
	}
	older, newer := releases(t)
	s := &servers{t: t, dir: t.TempDir(), addresses: unusedAddresses(), programs: [3]string{older, older, older}}
	began := time.Now()
	c := s.form()
	if _, _, err := c.PutProduct(t.Context(), "shop", &domain.ProductSpec{Version: "1.0.0"}); err != nil {
		t.Fatal(err)
	}
	r := &record{kept: map[string]base.Position{}, more: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for writer := range 3 {
		writers.Go(func() { r.write(ctx, c, writer) })
	}
	for i := range s.running {
		if i == 2 {
			s.shows("v0.1.0 on pi-3", "v0.2.0 on pi-1, pi-2", "level     1; level 2 when pi-3 is upgraded too")
			until(t, "a newer leader refuses the newer kind and names pi-3", func() (bool, string) {
				_, err := c.Do(t.Context(), client.Request{Method: "POST", Path: "/-/cluster/transfer", Query: url.Values{"to": {s.name(0)}}})
				var refused *base.Error
				if err := mark(t.Context(), c); err == nil {
					t.Fatal("what pi-3 does not know was accepted")
				} else if errors.As(err, &refused) && refused.Code == base.Unavailable && strings.Contains(refused.Detail, "level 2") {
					return strings.Contains(refused.Detail, "pi-3 (v0.1.0)"), refused.Detail
				}
				return false, fmt.Sprint(err, refused)
			})
		}
		s.stop(i)
		r.grow(t, 20) // the others go on
		s.programs[i] = newer
		s.start(i, "ready ")
		r.grow(t, 20)
	}
	until(t, "the newer kind is accepted", func() (bool, string) {
		err := mark(t.Context(), c)
		return err == nil, fmt.Sprint(err)
	})
	s.shows("version   v0.2.0", "level     2\n")
	s.stop(2)
	s.says(s.refuses(older, "--dir", s.path(2), "--name", s.name(2), "--listen", s.addresses[2]), tooOld...)
	r.grow(t, 20)
	s.start(2, "ready ") // the newer one goes on where it was
	stop()
	writers.Wait()
	for name := range r.kept {
		if _, _, err := c.GetProduct(t.Context(), name); err != nil {
			t.Errorf("%s was acknowledged: %v", name, err)
		}
	}
	if _, err := c.Do(t.Context(), client.Request{Method: "GET", Path: "/products/shop/bookmarks/last", Accept: "application/json"}); err != nil {
		t.Error(err)
	}
	s.picloud("cluster", "verify")
	token := s.picloud("node", "token", "pi-4")
	s.says(s.refuses(older, "--dir", filepath.Join(s.dir, "pi-4"), "--name", "pi-4", "--listen", "127.0.0.1:0",
		"--join", s.addresses[0], "--token", token), tooOld...)
	t.Logf("%d acknowledged; upgraded, and tried what was refused, in %s", len(r.kept), time.Since(began).Round(time.Second))
}
