package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installer installs other engines below PICLOUD_PEERS_DIR, or a directory that
// is removed again, and passes over those that this machine cannot have.
type installer struct {
	t         *testing.T
	dir, here string
}

// httpDir has packages of its own, which differ from those of the engine.
const httpDir = "comunica-server"

func newInstaller(t *testing.T) installer {
	dir := os.Getenv("PICLOUD_PEERS_DIR")
	if dir == "" {
		dir = t.TempDir()
	}
	here, err := os.Getwd()
	check(t, err)
	return installer{t, dir, here}
}

func (i installer) run(what string, command ...string) bool {
	c := exec.Command(command[0], command[1:]...)
	c.Dir = i.dir
	out, err := c.CombinedOutput()
	if err != nil {
		i.t.Logf("without %s: %v\n%s", what, err, out)
	}
	return err == nil
}

func (i installer) npm(what, prefix string, packages ...string) bool {
	return i.run(what, append([]string{"npm", "install", "--prefix", prefix, "--no-audit", "--no-fund"}, packages...)...)
}

func (i installer) python() string { return filepath.Join(i.dir, "venv", "bin", "python") }

// engines are ours and those of others with an API.
func (i installer) engines() []*engine {
	engines := []*engine{{name: "ours"}}
	add := func(name, extension string, interpreter, arguments []string) {
		script := func(s string) []string {
			command := append([]string{"env", "-C", i.dir}, interpreter...)
			return append(append(command, filepath.Join(i.here, s+extension)), arguments...)
		}
		engines = append(engines, &engine{name: name, command: script("peer"), differ: script("diff")})
	}
	if i.run("pyoxigraph", "python3", "-m", "venv", "venv") && i.run("pyoxigraph", i.python(), "-m", "pip", "install", "-q", "pyoxigraph") {
		add("pyoxigraph", ".py", []string{i.python()}, nil)
	}
	node := []string{"node", "--expose-gc", "--max-old-space-size=8192"}
	if i.npm("npm oxigraph", ".", "oxigraph") {
		add("oxigraph-wasm", ".mjs", node, []string{"oxigraph"})
	}
	if i.npm("comunica", ".", "@comunica/query-sparql-rdfjs", "n3") {
		add("comunica", ".mjs", node, []string{"comunica"})
	}
	return engines
}

// servers are ours and those of others.
func (i installer) servers() []server {
	i.run("oxigraph's server", i.python(), "-m", "pip", "install", "-q", "oxigraph")
	// Version 5 of this one starts with Node.js 22 only.
	i.npm("comunica's server", httpDir, "@comunica/query-sparql-file@4")
	return servers(i.t, i.dir)
}
