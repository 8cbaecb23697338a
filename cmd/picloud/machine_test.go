//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// machine is a system that systemd runs as process 1, in namespaces of its own:
// the files of this one with what it writes kept apart, and no network but the
// loopback.
type machine struct {
	t       *testing.T
	dir     string // its disk: what it wrote stays there when it is off
	cgroup  string
	process *exec.Cmd
}

const systemd = "/lib/systemd/systemd"

// newMachine skips the test where such a machine cannot be had, and says why.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes the namespaces of a machine; run as root")
	}
	if _, err := os.Stat(systemd); err != nil {
		t.Skip("systemd is not here, so nothing can be installed for it: ", err)
	}
	if _, err := exec.LookPath("nsenter"); err != nil {
		t.Skip("no way into another machine: ", err)
	}
	group, err := ownCgroup()
	if err == nil {
		err = os.Mkdir(group, 0o755)
	}
	if err != nil {
		t.Skip("no control group of version 2 for systemd: ", err)
	}
	m := &machine{t: t, dir: t.TempDir(), cgroup: group}
	t.Cleanup(func() {
		m.off()
		if err := removeCgroups(group); err != nil {
			t.Errorf("control groups are left: %v", err)
		}
	})
	return m
}

// ownCgroup names one below that of this process.
func ownCgroup() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	at := ""
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" && at == "" {
			at = f[1]
		}
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	_, path, found := strings.Cut("\n"+string(groups), "\n0::")
	if err != nil || !found || at == "" {
		return "", errors.Join(err, errors.New("none is mounted"))
	}
	path, _, _ = strings.Cut(path, "\n")
	return filepath.Join(at, path, fmt.Sprint("picloud-test-", os.Getpid())), nil
}

func removeCgroups(root string) error {
	var dirs []string
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for i := len(dirs) - 1; i >= 0; i-- {
		if err := os.Remove(dirs[i]); err != nil {
			return err
		}
	}
	return nil
}

// on switches the machine on, with the program of this test as /opt/picloud.
func (m *machine) on(program string) {
	m.t.Helper()
	groups, err := os.Open(m.cgroup)
	if err != nil {
		m.t.Fatal(err)
	}
	defer groups.Close()
	said, err := os.Create(filepath.Join(m.dir, "said"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer said.Close()
	c := exec.Command("picloud-boot", m.dir, program)
	c.Stdout, c.Stderr = said, said
	c.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWNET,
		UseCgroupFD: true, CgroupFD: int(groups.Fd()), Pdeathsig: syscall.SIGKILL,
	}
	if err := c.Start(); err != nil {
		m.t.Skip("no namespaces for a machine: ", err)
	}
	m.process = c
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(2 * time.Minute); ; {
		state, _ := m.try("systemctl", "is-system-running")
		switch strings.TrimSpace(state) {
		case "running", "degraded": // what a machine without devices lacks is no matter here
			return
		}
		select {
		case <-tick.C:
		case err := <-ended:
			text, _ := os.ReadFile(said.Name())
			m.process = nil
			if strings.HasPrefix(string(text), notBooted) {
				m.t.Skipf("a machine cannot be made here: %s", text)
			}
			m.t.Fatalf("systemd ended: %v\n%s", err, text)
		case <-late:
			m.t.Fatalf("systemd is %q after two minutes", state)
		}
	}
}

// off is a plug that is pulled.
func (m *machine) off() {
	if m.process == nil {
		return
	}
	_ = m.process.Process.Kill() // all others end with process 1
	await(func() bool { return syscall.Kill(m.process.Process.Pid, 0) != nil })
	m.process = nil
}

// try runs a program on the machine, as root.
func (m *machine) try(arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	into := []string{"--target", fmt.Sprint(m.process.Process.Pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/", "--"}
	c := exec.CommandContext(ctx, "nsenter", append(into, arguments...)...)
	c.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "XDG_CONFIG_HOME=/var/owner", "LANG=C.UTF-8"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// does is try where all must go well.
func (m *machine) does(arguments ...string) string {
	m.t.Helper()
	out, err := m.try(arguments...)
	if err != nil {
		journal, _ := m.try("journalctl", "--no-pager", "-u", "picloud", "-n", "50")
		m.t.Fatalf("%s: %v\n%s\n%s", strings.Join(arguments, " "), err, out, journal)
	}
	return out
}

// await looks until something holds; false means that it did not for a minute.
func await(holds func() bool) bool {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		if holds() {
			return true
		}
		<-tick.C
	}
	return false
}

// notBooted begins what is said when systemd could not even be started.
const notBooted = "not booted: "

// boot is the first process of a machine: it makes its file system and becomes
// systemd. It is called with the machine's disk and the program.
func boot() {
	err := becomeSystemd(os.Args[1], os.Args[2])
	fmt.Fprintln(os.Stderr, notBooted+err.Error())
	os.Exit(1)
}

func becomeSystemd(dir, program string) error {
	root := filepath.Join(dir, "root")
	for _, name := range []string{"root", "upper", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return err
	}
	in := func(path string) string { return filepath.Join(root, path) }
	layers := fmt.Sprintf("lowerdir=/,upperdir=%[1]s/upper,workdir=%[1]s/work", dir)
	if err := mount("none", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("overlay", root, "overlay", 0, layers); err != nil {
		return err
	}
	if _, err := os.Stat(in("/opt/picloud")); err != nil { // at the first time: nothing of this system's own services
		for _, path := range []string{"/etc/systemd/system", "/etc/picloud", "/var/lib/picloud", "/usr/local/bin/picloud", "/etc/sysusers.d/picloud.conf", "/var/owner", "/var/log/journal"} {
			if err := os.RemoveAll(in(path)); err != nil {
				return err
			}
		}
		if err := errors.Join(os.MkdirAll(in("/etc/systemd/system"), 0o755), os.MkdirAll(in("/opt"), 0o755), os.WriteFile(in("/opt/picloud"), nil, 0o755)); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		source, at, kind string
		flags            uintptr
		data             string
	}{
		{program, "/opt/picloud", "", unix.MS_BIND, ""},
		{"proc", "/proc", "proc", 0, ""}, {in("/proc/sys"), "/proc/sys", "", unix.MS_BIND, ""}, {"", "/proc/sys", "", unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY, ""},
		{"sysfs", "/sys", "sysfs", unix.MS_RDONLY, ""}, {"cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""},
		{"tmpfs", "/run", "tmpfs", 0, "mode=755"}, {"tmpfs", "/tmp", "tmpfs", 0, ""}, {"tmpfs", "/dev", "tmpfs", 0, "mode=755"},
	} {
		if err := mount(m.source, in(m.at), m.kind, m.flags, m.data); err != nil {
			return err
		}
	}
	for _, device := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		if err := errors.Join(os.WriteFile(in("/dev/"+device), nil, 0o666), mount("/dev/"+device, in("/dev/"+device), "", unix.MS_BIND, "")); err != nil {
			return err
		}
	}
	if err := errors.Join(
		os.Symlink("/proc/self/fd", in("/dev/fd")), os.Symlink("pts/ptmx", in("/dev/ptmx")), os.Mkdir(in("/dev/shm"), 0o777), os.Mkdir(in("/dev/pts"), 0o755),
		mount("devpts", in("/dev/pts"), "devpts", 0, "newinstance,ptmxmode=0666"),
		os.Mkdir(in("/old"), 0o755), unix.PivotRoot(root, in("/old")), os.Chdir("/"),
	); err != nil {
		return err
	}
	if err := errors.Join(unix.Unmount("/old", unix.MNT_DETACH), os.Remove("/old")); err != nil {
		return err
	}
	return syscall.Exec(systemd, []string{systemd, "--system", "--unit=multi-user.target"}, []string{"container=picloud-test", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"})
}

func mount(source, at, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, at, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s at %s: %w", source, at, err)
	}
	return nil
}
