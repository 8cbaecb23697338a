//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

func TestMain(m *testing.M) {
	if arguments := os.Getenv("PICLOUD_TEST_EDITOR"); arguments != "" {
		meddle(arguments)
	}
	testscript.Main(m, map[string]func(){"picloud": main, "picloud-boot": boot})
}

// Every script runs the program against real nodes of its own, each a process.
func TestScripts(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("../../ontology/examples")
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("picloud")
	if err != nil {
		t.Fatal(err)
	}
	var nodes, followers sync.Map // *process by the folder of the script, *follower by folder and name
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DEMO", filepath.Join(filepath.Dir(filepath.Dir(examples)), "cmd", "picloud", "demo.sh"))
			e.Setenv("PROGRAM", program)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(e.WorkDir, "config"))
			e.Setenv("TMPDIR", e.WorkDir)
			e.Setenv("TZ", "UTC")
			return errors.Join(
				os.CopyFS(filepath.Join(e.WorkDir, "photo-app"), os.DirFS(filepath.Join(examples, "photo-app"))),
				copyKinds(filepath.Join(examples, "kinds"), filepath.Join(e.WorkDir, "kinds")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"node":   func(ts *testscript.TestScript, _ bool, arguments []string) { runNode(ts, &nodes, arguments) },
			"follow": func(ts *testscript.TestScript, _ bool, arguments []string) { follow(ts, &followers, arguments) },
			"exits":  exits, "replace": replace, "as": as, "expires": expires, "eventually": eventually, "impostor": impostor,
			"continues": continues, "shows": shows, "mode": mode, "conceals": conceals,
		},
	})
}

// copyKinds copies the valid example of each kind that can be declared.
func copyKinds(from, to string) error {
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, class := range schema.Model.Classes {
		if !class.Kind || class.Origin != base.Declared || class.Singleton {
			continue
		}
		if class.Word == "authority" { // a cluster has one, whose key no example holds
			continue
		}
		name := class.Word + ".valid.ttl"
		content, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), content, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// process is a node of a script.
type process struct {
	*exec.Cmd
	log  *os.File
	dead bool
}

// runNode starts and ends the node of a script: node start ARGUMENTS…, node
// stop, node kill.
func runNode(ts *testscript.TestScript, nodes *sync.Map, arguments []string) {
	key := ts.Getenv("WORK")
	switch arguments[0] {
	case "start":
		p := startNode(ts, arguments[1:])
		nodes.Store(key, p)
		ts.Defer(func() { _ = p.end(syscall.SIGKILL) })
		ts.Setenv("PICLOUD_CONTEXT", filepath.Join(key, "D", "client.json"))
	case "stop":
		ts.Check(nodeOf(nodes, key).end(syscall.SIGTERM))
	case "kill":
		_ = nodeOf(nodes, key).end(syscall.SIGKILL) // it has no better word to say
	default:
		ts.Fatalf("node start, stop or kill")
	}
}

func nodeOf(nodes *sync.Map, key string) *process {
	p, _ := nodes.Load(key)
	return p.(*process)
}

func startNode(ts *testscript.TestScript, arguments []string) *process {
	key := ts.Getenv("WORK")
	log, err := os.OpenFile(filepath.Join(key, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	ts.Check(err)
	p := &process{Cmd: exec.Command("picloud", append([]string{"dev", "--dir", "D", "--listen", "127.0.0.1:0"}, arguments...)...), log: log}
	p.Dir, p.Stderr = key, log
	p.Env = append(os.Environ(), "TMPDIR="+key)
	out, err := p.StdoutPipe()
	ts.Check(err)
	ts.Check(p.Start())
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "ready https://127.0.0.1:") {
		_ = p.end(syscall.SIGKILL)
		said, _ := os.ReadFile(log.Name())
		ts.Fatalf("the node said %q: %v\n%s", first, err, said)
	}
	ts.Setenv("ADDRESS", strings.TrimSpace(strings.TrimPrefix(first, "ready https://")))
	rest := first
	for !strings.Contains(rest, "curl ") { // the last of what to try
		line, err := lines.ReadString('\n')
		if rest += line; err != nil {
			ts.Fatalf("the node ended: %v\n%s", err, rest)
		}
	}
	ts.Check(os.WriteFile(filepath.Join(key, "welcome"), []byte(rest), 0o600))
	go io.Copy(io.Discard, lines) //nolint:errcheck // until the pipe ends with the process
	return p
}

// end sends a signal and waits; what is not dead after a while is killed.
func (p *process) end(signal os.Signal) error {
	if p.dead {
		return nil
	}
	p.dead = true
	defer p.log.Close()
	if err := p.Process.Signal(signal); err != nil {
		return err
	}
	late := time.AfterFunc(15*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	if err := p.Wait(); err != nil {
		return fmt.Errorf("the node ended with: %w", err)
	}
	return nil
}

func TestClientBuildsForOtherSystems(t *testing.T) {
	if os.Getenv("PICLOUD_LONG") == "" {
		t.Skip("builds for other systems take minutes when nothing is cached; \"make check\" builds them, and so does PICLOUD_LONG=1")
	}
	t.Parallel()
	for _, system := range []string{"darwin", "windows"} {
		build := exec.Command("go", "vet", ".", "./cli")
		build.Env = append(os.Environ(), "GOOS="+system, "GOARCH=arm64", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", system, err, out)
		}
	}
}
