//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// shown is a block of commands of the page, and what it says that comes out.
var shown = regexp.MustCompile("(?ms)^```sh( live)?\n(.*?)^```\n(?:```text\n(.*?)^```\n)?")

// The commands of README.md run as they stand, in their order, and print what
// it says. Live ones, which never end, are ended once that has come.
func TestThePageAboutTheGraphIsTrue(t *testing.T) {
	for _, name := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("the commands are for bash and curl:", err)
		}
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ontology, err := filepath.Abs("../../ontology")
	if err == nil {
		err = os.Symlink(ontology, filepath.Join(dir, "ontology"))
	}
	if err != nil {
		t.Fatal(err)
	}
	node := filepath.Join(dir, ".picloud-dev")
	t.Cleanup(run(t, "curl ", "dev", "--dir", node, "--listen", "127.0.0.1:0"))
	var reached struct{ Endpoint string }
	text, err := os.ReadFile(filepath.Join(node, "client.json"))
	if err == nil {
		err = json.Unmarshal(text, &reached)
	}
	if err != nil {
		t.Fatal(err)
	}
	blocks := shown.FindAllStringSubmatch(strings.ReplaceAll(string(page), "https://127.0.0.1:7443", reached.Endpoint), -1)
	if len(blocks) < 8 {
		t.Fatal("only", len(blocks), "blocks of commands are found")
	}
	script := exec.CommandContext(t.Context(), "bash", "-euc", scriptOf(blocks))
	script.Dir = dir
	script.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(dir, "config")) // whoever tests may have chosen a cluster
	out, err := script.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	printed := strings.Split(string(out), between)
	for i, block := range blocks {
		if i+1 >= len(printed) {
			t.Fatalf("the commands end before block %d", i)
		}
		for want := range strings.Lines(block[3]) {
			if !strings.Contains(printed[i+1], strings.TrimSpace(want)) {
				t.Errorf("%s\ndoes not print %s\nbut %s", block[2], want, printed[i+1])
			}
		}
	}
}

const between = "=-=-= next =-=-="

// scriptOf is one script of all blocks. A live one is a job of its own, read
// until the line that the page shows.
func scriptOf(blocks [][]string) string {
	var b strings.Builder
	b.WriteString("set -m\nunset PICLOUD_CONTEXT\n")
	for i, block := range blocks {
		fmt.Fprintf(&b, "echo '%s'\n", between)
		if block[1] == "" {
			b.WriteString(block[2])
			continue
		}
		fmt.Fprintf(&b, "mkfifo live%d\n{\n%s} >live%d 2>&1 &\ntimeout 60 grep -m1 -F -- '%s' live%d\nkill -- -$!\nwait $! || true\n", i, block[2], i, strings.TrimSpace(block[3]), i)
	}
	return b.String()
}
