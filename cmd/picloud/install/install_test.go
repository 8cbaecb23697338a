//go:build linux

package install_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/cmd/picloud/install"
)

const (
	unit    = "/etc/systemd/system/picloud.service"
	options = "/etc/picloud/picloud.env"
	binary  = "/usr/local/bin/picloud"
)

// picloud runs the command as a user would.
func picloud(t *testing.T, arguments ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, said bytes.Buffer
	app := &cli.App{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &said, Env: func(string) (string, bool) { return "", false }}
	code = app.Run(context.Background(), append([]string{"install"}, arguments...), install.Command(app, install.Node{Takes: func(flags []string) error {
		if slices.Contains(flags, "--lisen=:443") {
			return errors.New("unknown flag: --lisen")
		}
		return nil
	}}))
	return code, out.String(), said.String()
}

// changes are those that a call in a root says it made, by path.
func changes(t *testing.T, root string, arguments ...string) map[string]install.Change {
	t.Helper()
	code, out, said := picloud(t, append([]string{"--root", root, "-o", "json"}, arguments...)...)
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, said)
	}
	var r struct{ Changes []install.Change }
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err, out)
	}
	all := map[string]install.Change{}
	for _, c := range r.Changes {
		all[c.Path] = c
	}
	return all
}

func content(t *testing.T, root, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, root, path, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestInstallPutsAllInPlaceOnce(t *testing.T) {
	root := t.TempDir()
	first := changes(t, root)
	for path, mode := range map[string]fs.FileMode{
		binary: 0o755, unit: 0o644, options: 0o600, "/etc/sysusers.d/picloud.conf": 0o644, "/etc/picloud": 0o755, "/var/lib/picloud": 0o700,
	} {
		if first[path].Change != "created" {
			t.Errorf("%s: %+v", path, first[path])
		}
		if about, err := os.Stat(filepath.Join(root, path)); err != nil || about.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want %04o", path, about.Mode(), err, mode)
		}
	}
	if target, err := os.Readlink(filepath.Join(root, "/etc/systemd/system/multi-user.target.wants/picloud.service")); err != nil || target != unit {
		t.Errorf("the node does not start with the machine: %q %v", target, err)
	}
	if text := content(t, root, options); !strings.Contains(text, "PICLOUD_OPTIONS=--listen=:443\n") {
		t.Errorf("options are %s", text)
	}
	for path, c := range changes(t, root) {
		if c.Change != "unchanged" {
			t.Errorf("the second time, %s is %s", path, c.Change)
		}
	}
}

func TestFlagsOfTheServerAreKeptUntilOthersAreGiven(t *testing.T) {
	root := t.TempDir()
	changes(t, root, "--", "--listen=:8443", "--join=10.0.0.1:443")
	changes(t, root)
	if text := content(t, root, options); !strings.Contains(text, "PICLOUD_OPTIONS=--listen=:8443 --join=10.0.0.1:443\n") {
		t.Errorf("options are %s", text)
	}
	if c := changes(t, root, "--", "--listen=:9443"); c[options].Change != "updated" || !strings.Contains(content(t, root, options), "=--listen=:9443\n") {
		t.Errorf("%+v: %s", c[options], content(t, root, options))
	}
}

func TestFlagsThatTheServerDoesNotTakeAreNotInstalled(t *testing.T) {
	root := t.TempDir()
	if code, _, said := picloud(t, "--root", root, "--", "--lisen=:443"); code != cli.ExitUsage || !strings.Contains(said, "unknown flag: --lisen") {
		t.Errorf("exit %d: %s", code, said)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("%v, %v is there", err, left)
	}
}

func TestWhatWasChangedByHandIsKeptAndSaid(t *testing.T) {
	root := t.TempDir()
	changes(t, root)
	mine := content(t, root, unit) + "# mine\n"
	write(t, root, unit, mine)
	if c := changes(t, root); c[unit].Change != "kept" || !strings.Contains(c[unit].Note, unit+".new") {
		t.Errorf("%+v", c[unit])
	}
	if content(t, root, unit) != mine || content(t, root, unit+".new")+"# mine\n" != mine {
		t.Error("the file is not as it was, or the new one is not beside it")
	}
	if c := changes(t, root, "--overwrite"); c[unit].Change != "updated" || content(t, root, unit+".old") != mine || content(t, root, unit) == mine {
		t.Errorf("%+v", c[unit])
	}
}

func TestFormerReleaseIsReplaced(t *testing.T) {
	root := t.TempDir()
	changes(t, root)
	write(t, root, binary, "an older program")
	if c := changes(t, root, "--dir", "/mnt/ssd/picloud"); c[binary].Change != "updated" || c[unit].Change != "updated" {
		t.Errorf("%+v", c)
	}
	if !strings.Contains(content(t, root, unit), "server --dir /mnt/ssd/picloud ") {
		t.Error("the unit does not name the directory")
	}
}

func TestUninstallRemovesWhatItInstalledAndNoData(t *testing.T) {
	root := t.TempDir()
	changes(t, root)
	gone := changes(t, root, "--uninstall")
	for path, c := range gone {
		if c.Change != "removed" {
			t.Errorf("%s is %s", path, c.Change)
		}
	}
	left := 0
	err := filepath.WalkDir(root, func(_ string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			left++
		}
		return err
	})
	if err != nil || left > 0 {
		t.Errorf("%d files are left, %v", left, err)
	}
	changes(t, root)
	write(t, root, "/var/lib/picloud/data", "precious")
	write(t, root, options, "PICLOUD_OPTIONS=--mine\n")
	gone = changes(t, root, "--uninstall")
	if gone["/var/lib/picloud"].Change != "kept" || gone[options].Change != "kept" || gone[unit].Change != "removed" {
		t.Errorf("%+v", gone)
	}
	if content(t, root, "/var/lib/picloud/data") != "precious" {
		t.Error("data was touched")
	}
}

func TestWhatCannotBeMeantIsRefused(t *testing.T) {
	for _, arguments := range [][]string{
		{"--listen=:443"}, {":443"}, {"--root", "/does/not/exist"}, {"--dir", "relative"}, {"--dir", "/"}, {"--dir", "/a b"}, {"--dir", "/a/../b"},
		{"--", "--listen=$HOME"}, {"--", "--token=a b"}, {"--", "--dir", "/x"}, {"--check", "--uninstall"}, {"-o", "yaml"},
	} {
		root := t.TempDir()
		code, out, said := picloud(t, append([]string{"--root", root}, arguments...)...)
		if code == 0 || said == "" {
			t.Errorf("%v: exit %d %s%s", arguments, code, out, said)
		}
		if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
			t.Errorf("%v: something was installed", arguments)
		}
	}
}

func TestCheckOnlyChecks(t *testing.T) {
	root := t.TempDir()
	code, out, said := picloud(t, "--root", root, "--check", "-o", "json", "--", "--listen=127.0.0.1:0")
	var r struct{ Checks []install.Check }
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err, code, out, said)
	}
	if len(r.Checks) != 10 {
		t.Errorf("%d checks", len(r.Checks))
	}
	failed := false
	for _, c := range r.Checks {
		failed = failed || c.Result == install.Fail
		if c.Found == "" || (c.Result == install.Pass) != (c.Remedy == "") {
			t.Errorf("%+v", c)
		}
		t.Logf("%-10s %-4s %s", c.Name, c.Result, c.Found)
	}
	if failed != (code == cli.ExitRefused) {
		t.Errorf("exit %d", code)
	}
	if entries, err := os.ReadDir(root); err != nil || len(entries) > 0 {
		t.Errorf("%d entries are left, %v", len(entries), err)
	}
	if code, out, _ = picloud(t, "--root", root, "--check"); !strings.HasPrefix(out, "CHECK ") || !strings.Contains(out, "\ndisk sync ") {
		t.Errorf("exit %d: %s", code, out)
	}
}

func TestPortThatIsTakenIsFound(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	if f := install.Probe(t.Context(), dir, l.Addr().String()); f.PortError == nil || f.Serving {
		t.Errorf("%v %t", f.PortError, f.Serving)
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "picloud.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if f := install.Probe(t.Context(), dir, l.Addr().String()); !f.Serving {
		t.Error("the node that serves is not seen")
	}
}

// good is a machine that will do.
func good() install.Facts {
	return install.Facts{
		Kernel: "6.12.25+rpt-rpi-v8", Controllers: []string{"cpuset", "cpu", "io", "memory", "pids"}, Systemd: true, Synced: true, Now: time.Now(),
		Syncs: []time.Duration{time.Millisecond, 2 * time.Millisecond}, FileSystem: "ext4", Free: 20 << 30, Total: 100 << 30,
		Listen: ":443", MulticastOn: []string{"eth0"}, PageSize: 4096, Memory: 8 << 30, Privileged: true,
	}
}

func TestEachFactIsJudged(t *testing.T) {
	for _, c := range install.Judge(good()) {
		if c.Result != install.Pass {
			t.Errorf("a good machine: %+v", c)
		}
	}
	for name, c := range map[string]struct {
		spoil        func(*install.Facts)
		check, wants string
	}{
		"an old kernel":         {func(f *install.Facts) { f.Kernel = "5.4.0-1" }, "kernel", install.Warn},
		"a very old kernel":     {func(f *install.Facts) { f.Kernel = "4.9.337" }, "kernel", install.Fail},
		"cgroups 1":             {func(f *install.Facts) { f.Controllers, f.CgroupV1 = nil, true }, "cgroups", install.Warn},
		"no cgroups":            {func(f *install.Facts) { f.Controllers = nil }, "cgroups", install.Fail},
		"no memory controller":  {func(f *install.Facts) { f.Controllers = []string{"cpu", "pids"} }, "cgroups", install.Warn},
		"no systemd":            {func(f *install.Facts) { f.Systemd = false }, "supervisor", install.Warn},
		"a clock nobody keeps":  {func(f *install.Facts) { f.Synced = false }, "clock", install.Warn},
		"a clock at 1970":       {func(f *install.Facts) { f.Now, f.Built = time.Unix(0, 0), time.Unix(1e9, 0) }, "clock", install.Fail},
		"a disk that stalls":    {func(f *install.Facts) { f.Syncs = []time.Duration{time.Millisecond, time.Second} }, "disk sync", install.Fail},
		"a disk that hesitates": {func(f *install.Facts) { f.Syncs = []time.Duration{1, 2, 3, 4, 50 * time.Millisecond} }, "disk sync", install.Warn},
		"no disk":               {func(f *install.Facts) { f.DiskError = errors.New("read-only file system") }, "disk sync", install.Fail},
		"memory as disk":        {func(f *install.Facts) { f.FileSystem = "tmpfs" }, "disk sync", install.Warn},
		"a share as disk":       {func(f *install.Facts) { f.FileSystem = "nfs" }, "disk sync", install.Fail},
		"little space":          {func(f *install.Facts) { f.Free = 3 << 30 }, "free space", install.Warn},
		"no space":              {func(f *install.Facts) { f.Free = 1 << 30 }, "free space", install.Fail}, // below 2 % of 100 GiB
		"a port that is held":   {func(f *install.Facts) { f.PortError = errors.New("address already in use") }, "port", install.Fail},
		"a port not permitted":  {func(f *install.Facts) { f.PortError, f.Privileged = errors.New("permission denied"), false }, "port", install.Warn},
		"no network":            {func(f *install.Facts) { f.MulticastOn = nil }, "multicast", install.Warn},
		"large pages":           {func(f *install.Facts) { f.PageSize = 65536 }, "page size", install.Warn},
		"half a GiB":            {func(f *install.Facts) { f.Memory = 480 << 20 }, "memory", install.Warn},
		"little memory":         {func(f *install.Facts) { f.Memory = 256 << 20 }, "memory", install.Fail},
	} {
		f := good()
		c.spoil(&f)
		for _, found := range install.Judge(f) {
			want := install.Pass
			if found.Name == c.check {
				want = c.wants
			}
			if found.Result != want || (want != install.Pass) != (found.Remedy != "") {
				t.Errorf("%s: %+v, want %s", name, found, want)
			}
		}
	}
}

// systemd itself reads what is installed.
func TestSystemdUnderstandsTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not here: ", err)
	}
	for _, dir := range []string{"/var/lib/picloud", "/mnt/ssd/picloud"} {
		root := t.TempDir()
		changes(t, root, "--dir", dir)
		verify := exec.Command(analyze, "verify", "--man=no", "--recursive-errors=no", filepath.Join(root, unit))
		out, _ := verify.CombinedOutput() // it fails for the binary, which is elsewhere
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "picloud.service") && !strings.Contains(line, binary) {
				t.Errorf("%s", line)
			}
		}
	}
}
