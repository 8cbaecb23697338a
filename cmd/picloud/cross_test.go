//go:build linux

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// dev runs a cluster until stop is called, once it has said what to try.
func dev(t *testing.T, dir string, command ...string) (stop func()) {
	t.Helper()
	c := exec.Command(command[0], append(command[1:], "dev", "--dir", dir, "--listen", "127.0.0.1:0")...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "curl ") {
	}
	return func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		for lines.Scan() { // until the pipe ends with the process
		}
		if err := c.Wait(); err != nil {
			t.Errorf("%s: %v", strings.Join(command, " "), err)
		}
	}
}

// What a node wrote on one kind of processor another kind goes on with, and makes
// the same of it: a card is moved from a board to a server, and clusters are mixed.
func TestDirectoryIsTheSameOnEveryProcessor(t *testing.T) {
	if os.Getenv("PICLOUD_LONG") == "" {
		t.Skip("building for another processor takes minutes when nothing is cached; PICLOUD_LONG=1 does")
	}
	other, emulator := "arm64", "qemu-aarch64-static"
	if runtime.GOARCH == other {
		other, emulator = "amd64", "qemu-x86_64-static"
	}
	if _, err := exec.LookPath(emulator); err != nil {
		t.Skip("nothing here runs programs for "+other+" (apt-get install qemu-user-static): ", err)
	}
	t.Parallel()
	program, dir := filepath.Join(t.TempDir(), "picloud"), filepath.Join(t.TempDir(), "D")
	build := exec.Command("go", "build", "-o", program, ".") // as "make check" does, so that it is built once
	build.Env = append(os.Environ(), "GOARCH="+other, "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	picloud := func(arguments ...string) string {
		t.Helper()
		out, err := exec.Command("picloud", append([]string{"--context", filepath.Join(dir, "client.json")}, arguments...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("picloud %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
		return string(out)
	}
	stop := dev(t, dir, emulator, program)
	picloud("resource", "apply", "../../ontology/examples/photo-app")
	there := picloud("resource", "get", "container", "photo-app/api-server", "-o", "turtle")
	stop()
	stop = dev(t, dir, "picloud")
	if here := picloud("resource", "get", "container", "photo-app/api-server", "-o", "turtle"); here != there {
		t.Errorf("on %s it was\n%s\nand here it is\n%s", other, there, here)
	}
	picloud("resource", "delete", "--yes", "ingress", "photo-app/public")
	picloud("cluster", "verify")
	stop()
	stop = dev(t, dir, emulator, program)
	defer stop()
	picloud("cluster", "verify")
}
