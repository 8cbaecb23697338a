//go:build linux

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// follower is a call of the program that goes on and prints.
type follower struct {
	*exec.Cmd
	lines chan string
	seen  []string
}

// follow starts a call of the program, reads what it prints, and ends it:
//
//	follow start NAME ARGUMENTS…
//	follow until NAME PATTERN     waits for a line
//	follow end NAME               interrupts it; it must end well
func follow(ts *testscript.TestScript, followers *sync.Map, arguments []string) {
	if len(arguments) < 2 {
		ts.Fatalf("follow start, until or end, and a name")
	}
	key := ts.Getenv("WORK") + " " + arguments[1]
	if arguments[0] == "start" {
		followers.Store(key, startFollower(ts, arguments[2:]))
		return
	}
	found, ok := followers.Load(key)
	if !ok {
		ts.Fatalf("nothing is called %s", arguments[1])
	}
	f := found.(*follower)
	switch arguments[0] {
	case "until":
		f.until(ts, regexp.MustCompile(arguments[2]))
	case "end":
		ts.Check(f.Process.Signal(syscall.SIGINT))
		for range f.lines {
		}
		if err := f.Wait(); err != nil {
			ts.Fatalf("it ended with %v", err)
		}
	}
}

func startFollower(ts *testscript.TestScript, arguments []string) *follower {
	f := &follower{Cmd: exec.Command("picloud", arguments...), lines: make(chan string, 100)}
	f.Dir = ts.Getenv("WORK")
	f.Env = append(os.Environ(), "PICLOUD_CONTEXT="+ts.Getenv("PICLOUD_CONTEXT"))
	f.Stderr = os.Stderr
	out, err := f.StdoutPipe()
	ts.Check(err)
	ts.Check(f.Start())
	go func() {
		defer close(f.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.lines <- lines.Text()
		}
	}()
	ts.Defer(func() { _ = f.Process.Kill() })
	return f
}

func (f *follower) until(ts *testscript.TestScript, pattern *regexp.Regexp) {
	late := time.NewTimer(20 * time.Second)
	defer late.Stop()
	for {
		select {
		case line, ok := <-f.lines:
			if f.seen = append(f.seen, line); ok && pattern.MatchString(line) {
				return
			} else if !ok {
				ts.Fatalf("%s ended before %s; it said\n%s", filepath.Base(f.Path), pattern, strings.Join(f.seen, "\n"))
			}
		case <-late.C:
			ts.Fatalf("no line with %s came; there were\n%s", pattern, strings.Join(f.seen, "\n"))
		}
	}
}
