//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/picloud/picloud/cmd/picloud/cli"
)

// person is somebody at a terminal, before a node in this process.
type person struct {
	t       *testing.T
	context string
	env     map[string]string
}

func sit(t *testing.T) *person {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(run(t, "curl ", "dev", "--dir", dir, "--listen", "127.0.0.1:0"))
	return &person{t: t, context: filepath.Join(dir, "client.json"), env: map[string]string{}}
}

// run starts a node in this process and waits for a line; stop ends it as a
// signal does.
func run(t *testing.T, line string, arguments ...string) (stop func()) {
	t.Helper()
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	app := &cli.App{Version: "test", Stdout: in, Stderr: io.Discard, Env: noEnvironment}
	ended := make(chan int, 1)
	go func() {
		ended <- app.Run(ctx, arguments, nodeCommands(app)...)
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), line) {
	}
	return sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != cli.ExitDone {
			t.Errorf("the node ended with exit code %d", code)
		}
	})
}

func noEnvironment(string) (string, bool) { return "", false }

// does runs a command with answers typed in, and gives its exit code and all
// that the person saw.
func (p *person) does(answers string, arguments ...string) (int, string) {
	p.t.Helper()
	stdin, keys, err := os.Pipe() // a file, as a terminal is: editors get it as it is
	if err != nil {
		p.t.Fatal(err)
	}
	defer stdin.Close()
	_, err = keys.WriteString(answers)
	if keys.Close(); err != nil {
		p.t.Fatal(err)
	}
	return p.types(stdin, arguments...)
}

// types runs a command with a keyboard.
func (p *person) types(stdin io.Reader, arguments ...string) (int, string) {
	p.t.Helper()
	var seen bytes.Buffer
	app := &cli.App{
		Version: "test", Stdin: stdin, Stdout: &seen, Stderr: &seen, Interactive: true, Coloured: true,
		Env: func(name string) (string, bool) { v, ok := p.env[name]; return v, ok },
	}
	code := app.Run(p.t.Context(), append([]string{"--context", p.context}, arguments...), nodeCommands(app)...)
	return code, seen.String()
}

// sees demands an exit code and texts that are seen.
func (p *person) sees(code int, texts []string, answers string, arguments ...string) {
	p.t.Helper()
	got, seen := p.does(answers, arguments...)
	if got != code {
		p.t.Errorf("%s: exit code %d, want %d\n%s", strings.Join(arguments, " "), got, code, seen)
	}
	for _, text := range texts {
		if !strings.Contains(seen, text) {
			p.t.Errorf("%s: %q is not seen in\n%s", strings.Join(arguments, " "), text, seen)
		}
	}
}

func (p *person) file(name, content string) string {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func TestPersonIsAskedBeforeAnythingIsDeleted(t *testing.T) {
	p := sit(t)
	both := p.file("a.picloud", "product 'shop' = { version: '1.0.0' }\nconfig 'a' = { }\n")
	one := p.file("a.picloud", "product 'shop' = { version: '1.0.0' }\n")
	p.sees(cli.ExitRefused, []string{"Do this? [y/N]", "nothing was done"}, "n\n", "resource", "apply", "--confirm", both)
	p.sees(cli.ExitDone, []string{"\x1b[32m+ ", "applied deployment shop: 2 events"}, "", "resource", "apply", both)
	p.sees(cli.ExitRefused, []string{"\x1b[31m- ", "Do this? [y/N]", "nothing was done"}, "", "resource", "apply", "--prune", one)
	p.sees(cli.ExitRefused, []string{"Delete /products/shop/config/a? [y/N]"}, "no\n", "resource", "delete", "config", "shop/a")
	p.sees(cli.ExitDone, []string{"ConfigDeleted"}, "y\n", "resource", "apply", "--prune", one)
	p.sees(cli.ExitDone, []string{"applied"}, "", "resource", "apply", "--yes", "--prune", both)
	p.env["NO_COLOR"] = "1"
	if _, seen := p.does("", "resource", "apply", "--yes", "--prune", one); strings.Contains(seen, "\x1b") {
		t.Errorf("colours in spite of NO_COLOR:\n%s", seen)
	}
}

func TestPersonIsAskedOnlyForWhatIsMissing(t *testing.T) {
	p := sit(t)
	p.sees(cli.ExitDone, []string{"name:", "a name has lower-case", "product:", "size:", "bytes such as", "begins with no number", "size must be at least 1MiB, is 5B", "size: '10GB'"},
		"No Name\nmedia\nshop\n\nbig\n5B\n10GB\n", "resource", "new", "volume")
	if _, seen := p.does("", "resource", "new", "volume", "media", "-p", "shop", "--size", "10GB"); strings.Contains(seen, "name:") {
		t.Errorf("asked in spite of all being given:\n%s", seen)
	}
	p.sees(cli.ExitUsage, []string{"a volume also needs --size"}, "", "resource", "new", "volume", "media", "-p", "shop")
}

func TestFaultsInAnEditorCanBeMended(t *testing.T) {
	p := sit(t)
	p.sees(cli.ExitDone, nil, "", "resource", "apply", p.file("a.picloud", "product 'shop' = { version: '1.0.0' }\nvolume 'media' = { size: '1GB' }\n"))
	// the first edit breaks a rule, the second mends it
	p.env["EDITOR"] = "sed -i -e s/'5B'/'2GB'/ -e s/'1GB'/'5B'/"
	p.sees(cli.ExitDone, []string{"volume.picloud:3:9: size must be at least 1MiB, is 5B", "Edit again? [Y/n]", "/products/shop/volumes/media is changed"},
		"y\n", "resource", "edit", "volume", "shop/media")
	p.sees(cli.ExitDone, []string{"size: 2000000000"}, "", "resource", "get", "volume", "shop/media")
}

// What somebody else did meanwhile is neither overwritten nor planned away.
func TestEditDoesNotOverwriteOthers(t *testing.T) {
	p := sit(t)
	p.sees(cli.ExitDone, nil, "", "resource", "apply", p.file("a.picloud", "product 'shop' = { version: '1.0.0' }\nvolume 'media' = { size: '1GB' }\n"))
	other := p.file("b.picloud", "volume 'media' = { product: 'shop', size: '3GB' }\n")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PICLOUD_TEST_EDITOR", strings.Join([]string{p.context, other}, "\n"))
	p.env["EDITOR"] = self
	t.Setenv("TMPDIR", t.TempDir())
	code, seen := p.does("", "resource", "edit", "volume", "shop/media")
	_, kept, _ := strings.Cut(seen, "what you wrote is in ")
	text, err := os.ReadFile(strings.TrimSpace(kept))
	if code != cli.ExitRefused || !strings.Contains(seen, "was changed meanwhile, nothing was written") || !bytes.Contains(text, []byte("'2GB'")) {
		t.Errorf("exit code %d, %v\n%s\n%s", code, err, seen, text)
	}
	p.sees(cli.ExitDone, []string{"size: 3000000000"}, "", "resource", "get", "volume", "shop/media")
}

// hesitation is a person who answers after something else has happened.
type hesitation struct {
	meanwhile func()
	answer    io.Reader
}

func (h *hesitation) Read(b []byte) (int, error) {
	if h.meanwhile != nil {
		h.meanwhile()
		h.meanwhile = nil
	}
	return h.answer.Read(b)
}

func TestOnlyThePlanThatWasShownIsCarriedOut(t *testing.T) {
	p := sit(t)
	shown := p.file("a.picloud", "product 'shop' = { version: '1.0.0' }\n")
	other := p.file("b.picloud", "product 'shop' = { version: '2.0.0' }\n")
	late := &hesitation{answer: strings.NewReader("y\n"), meanwhile: func() {
		p.sees(cli.ExitDone, []string{"applied"}, "", "resource", "apply", other)
	}}
	code, seen := p.types(late, "resource", "apply", "--confirm", shown)
	if code != cli.ExitRefused || !strings.Contains(seen, "the cluster changed since the plan was made") {
		t.Errorf("exit code %d\n%s", code, seen)
	}
	p.sees(cli.ExitDone, []string{"version: 2.0.0"}, "", "resource", "get", "product", "shop")
}

// The server is the same node: what dev began it continues, without handing
// anybody a token.
func TestServerContinuesWhatDevBegan(t *testing.T) {
	dir := t.TempDir()
	run(t, "curl ", "dev", "--dir", dir, "--listen", "127.0.0.1:0")()
	if err := os.Remove(filepath.Join(dir, "client.json")); err != nil {
		t.Fatal(err)
	}
	run(t, "ready https://127.0.0.1:", "server", "--dir", dir, "--listen", "127.0.0.1:0")()
	if _, err := os.Stat(filepath.Join(dir, "client.json")); err == nil {
		t.Error("server wrote client.json")
	}
}

// A stream that loses its node goes on behind the last event that it printed.
func TestStreamNeitherRepeatsNorMissesOverARestart(t *testing.T) {
	dir := t.TempDir()
	stop := run(t, "curl ", "dev", "--dir", dir, "--listen", "127.0.0.1:0")
	p := &person{t: t, context: filepath.Join(dir, "client.json"), env: map[string]string{}}
	var known struct{ Endpoint string }
	if data, err := os.ReadFile(p.context); err != nil || json.Unmarshal(data, &known) != nil {
		t.Fatal(err)
	}
	out, in := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	app := &cli.App{Version: "test", Stdout: in, Stderr: io.Discard, Env: noEnvironment}
	ended := make(chan int, 1)
	go func() {
		ended <- app.Run(ctx, []string{"--context", p.context, "events", "stream", "--after", "0", "-o", "json"})
		in.Close()
	}()
	lines := bufio.NewScanner(out)
	var streamed []string
	until := func(text string) {
		t.Helper()
		for lines.Scan() {
			streamed = append(streamed, lines.Text())
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the stream ended before %s", text)
	}
	p.sees(cli.ExitDone, nil, "", "resource", "apply", p.file("a.picloud", "product 'first' = { version: '1.0.0' }\n"))
	until("/products/first")
	stop()
	stop = run(t, "curl ", "dev", "--dir", dir, "--listen", strings.TrimPrefix(known.Endpoint, "https://"))
	defer stop()
	p.sees(cli.ExitDone, nil, "", "resource", "apply", p.file("b.picloud", "product 'second' = { version: '1.0.0' }\n"))
	until("/products/second")
	cancel()
	if code := <-ended; code != cli.ExitDone {
		t.Errorf("the stream ended with exit code %d", code)
	}
	_, all := p.does("", "events", "stream", "--after", "0", "--once", "-o", "json")
	if want := strings.Join(streamed, "\n") + "\n"; !strings.HasPrefix(all, want) {
		t.Errorf("streamed\n%s\nthe log\n%s", want, all)
	}
}

// meddle is an editor during whose work somebody else applies a file.
func meddle(arguments string) {
	cluster, other, _ := strings.Cut(arguments, "\n")
	edited := os.Args[len(os.Args)-1]
	text, err := os.ReadFile(edited)
	if err == nil {
		err = os.WriteFile(edited, bytes.Replace(text, []byte("'1GB'"), []byte("'2GB'"), 1), 0o600)
	}
	app := &cli.App{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Env: os.LookupEnv}
	code := app.Run(context.Background(), []string{"--context", cluster, "resource", "apply", other})
	if err != nil {
		code = cli.ExitRefused
	}
	os.Exit(code)
}
