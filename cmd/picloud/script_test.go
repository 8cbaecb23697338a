//go:build linux

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/picloud/picloud/runtime/iam"
)

// exits runs the program and demands a code: exits 10 resource plan photo-app.
func exits(ts *testscript.TestScript, _ bool, arguments []string) {
	want, err := strconv.Atoi(arguments[0])
	ts.Check(err)
	code := 0
	err = ts.Exec("picloud", arguments[1:]...)
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("picloud %s: exit code %d, want %d", strings.Join(arguments[1:], " "), code, want)
	}
}

// replace changes a text in a file: replace FILE OLD NEW.
func replace(ts *testscript.TestScript, _ bool, arguments []string) {
	text := ts.ReadFile(arguments[0])
	if !strings.Contains(text, arguments[1]) {
		ts.Fatalf("%s does not hold %q", arguments[0], arguments[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(arguments[0]), []byte(strings.Replace(text, arguments[1], arguments[2], 1)), 0o600))
}

// as makes a client.json with the token that the last command printed: as FILE.
func as(ts *testscript.TestScript, _ bool, arguments []string) {
	var file clientFile
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(ts.Getenv("PICLOUD_CONTEXT"))), &file))
	file.Token = strings.TrimSpace(ts.ReadFile("stdout"))
	data, err := json.Marshal(file)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(arguments[0]), data, 0o600))
}

// impostor makes a client.json that trusts another authority: impostor OLD NEW.
func impostor(ts *testscript.TestScript, _ bool, arguments []string) {
	var file clientFile
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(arguments[0])), &file))
	other, err := iam.NewAuthority(iam.AuthorityConfig{Domain: file.Domain})
	ts.Check(err)
	file.CA = string(other.PEM())
	data, err := json.Marshal(file)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(arguments[1]), data, 0o600))
}

// expires waits until a token is refused: expires CLIENT.JSON.
func expires(ts *testscript.TestScript, _ bool, arguments []string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 100 {
		if ts.Exec("picloud", "--context", arguments[0], "resource", "list", "node") != nil {
			return
		}
		<-tick.C
	}
	ts.Fatalf("the token is still taken")
}

// eventually runs the program until it succeeds: eventually resource get node pi-2.
func eventually(ts *testscript.TestScript, _ bool, arguments []string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		if ts.Exec("picloud", arguments...) == nil {
			return
		}
		<-tick.C
	}
	ts.Fatalf("picloud %s did not come to succeed", strings.Join(arguments, " "))
}

// continues demands that the last output begins with a file: continues FILE.
func continues(ts *testscript.TestScript, _ bool, arguments []string) {
	if !strings.HasPrefix(ts.ReadFile("stdout"), ts.ReadFile(arguments[0])) {
		ts.Fatalf("the output does not begin with %s", arguments[0])
	}
}

// shows demands that the last output holds what a file does: shows FILE.
func shows(ts *testscript.TestScript, _ bool, arguments []string) {
	if want := strings.TrimSpace(ts.ReadFile(arguments[0])); want == "" || !strings.Contains(ts.ReadFile("stdout"), want) {
		ts.Fatalf("the output does not hold %q", want)
	}
}

// mode demands the permissions of files: mode 600 FILE….
func mode(ts *testscript.TestScript, _ bool, arguments []string) {
	for _, name := range arguments[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != arguments[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, arguments[0])
		}
	}
}

// conceals demands that no member of an archive holds what a file holds, and
// that there are members: conceals ARCHIVE FILE….
func conceals(ts *testscript.TestScript, _ bool, arguments []string) {
	compressed, err := gzip.NewReader(strings.NewReader(ts.ReadFile(arguments[0])))
	ts.Check(err)
	archive, members := tar.NewReader(compressed), 0
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		ts.Check(err)
		members++
		content, err := io.ReadAll(archive)
		ts.Check(err)
		for _, name := range arguments[1:] {
			if bytes.Contains(content, bytes.TrimSpace([]byte(ts.ReadFile(name)))) {
				ts.Fatalf("%s holds what is in %s", header.Name, name)
			}
		}
	}
	if members < 5 {
		ts.Fatalf("the archive has %d members", members)
	}
}
