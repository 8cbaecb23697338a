//go:build linux

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWhatRootMakesBelongsToTheOwnerOfTheDirectory(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes files for another user; run as root")
	}
	const other = 65534
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	for path, write := range map[string]func(string) error{
		outside:                     func(p string) error { return os.WriteFile(p, nil, 0o600) },
		filepath.Join(dir, "link"):  func(p string) error { return os.Symlink(outside, p) },
		filepath.Join(dir, "raft"):  func(p string) error { return os.Mkdir(p, 0o700) },
		filepath.Join(dir, "token"): func(p string) error { return os.WriteFile(p, nil, 0o600) },
	} {
		if err := write(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(dir, other, other); err != nil {
		t.Fatal(err)
	}
	if err := giveBack(dir); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{filepath.Join(dir, "raft"): other, filepath.Join(dir, "token"): other, outside: 0} {
		about, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := about.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, not to %d", path, got, want)
		}
	}
}

func TestWhoMayNotUseADirectoryIsLedToWhoMay(t *testing.T) {
	err := forbidden("/var/lib/picloud", &fs.PathError{Op: "open", Path: "/var/lib/picloud/lock", Err: syscall.EACCES})
	if want := "open /var/lib/picloud/lock: permission denied; run it as the owner of /var/lib/picloud"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s…", err, want)
	}
	if err := forbidden("D", nil); err != nil {
		t.Error(err)
	}
}
