//go:build linux

package install

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	syncTries = 64
	syncTime  = 3 * time.Second // no longer, however slow the disk is
	syncBytes = 4096
)

// Probe looks at the machine. dir is where the node's data is to be; it or the
// nearest directory above it that exists is measured.
func Probe(ctx context.Context, dir, listen string) Facts {
	f := Facts{Now: time.Now(), Built: built(), Listen: listen, PageSize: os.Getpagesize(), Privileged: os.Geteuid() == 0}
	f.Kernel = strings.TrimSpace(read("/proc/sys/kernel/osrelease"))
	f.Controllers = strings.Fields(read("/sys/fs/cgroup/cgroup.controllers"))
	_, err := os.Stat("/sys/fs/cgroup/memory")
	f.CgroupV1 = len(f.Controllers) == 0 && err == nil
	_, err = os.Stat("/run/systemd/system")
	f.Systemd = err == nil
	f.Synced = synced()
	f.disk(ctx, existing(dir))
	f.port(ctx, dir)
	f.MulticastOn, f.NoMulticast = multicastOn()
	var about unix.Sysinfo_t
	if unix.Sysinfo(&about) == nil {
		f.Memory = uint64(about.Totalram) * uint64(about.Unit)
	}
	return f
}

func read(name string) string {
	text, _ := os.ReadFile(name) // what is not there says nothing
	return string(text)
}

// built is when the revision of this program was made, if it is known.
func built() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" {
				return t
			}
		}
	}
	return time.Time{}
}

// synced asks the kernel whether somebody keeps its clock.
func synced() bool {
	var about unix.Timex
	state, err := unix.Adjtimex(&about)
	return err == nil && state != unix.TIME_ERROR && about.Status&unix.STA_UNSYNC == 0
}

func existing(dir string) string {
	for {
		if about, err := os.Stat(dir); err == nil && about.IsDir() || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// disk measures what each commit waits for: appending and syncing.
func (f *Facts) disk(ctx context.Context, dir string) {
	var about unix.Statfs_t
	if err := unix.Statfs(dir, &about); err != nil {
		f.DiskError = err
		return
	}
	f.Free, f.Total = about.Bavail*uint64(about.Bsize), about.Blocks*uint64(about.Bsize)
	f.FileSystem = fileSystem(int64(about.Type))
	file, err := os.CreateTemp(dir, ".picloud-disk-*")
	if err != nil {
		f.DiskError = err
		return
	}
	defer os.Remove(file.Name())
	defer file.Close()
	began := time.Now()
	for range syncTries {
		if time.Since(began) > syncTime && len(f.Syncs) > 0 || ctx.Err() != nil {
			break
		}
		each := time.Now()
		if _, err = file.Write(make([]byte, syncBytes)); err == nil {
			err = unix.Fdatasync(int(file.Fd()))
		}
		if err != nil {
			f.DiskError = err
			return
		}
		f.Syncs = append(f.Syncs, time.Since(each))
	}
	if len(f.Syncs) == 0 {
		f.DiskError = context.Cause(ctx)
	}
}

func fileSystem(magic int64) string {
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs", unix.F2FS_SUPER_MAGIC: "f2fs",
		unix.TMPFS_MAGIC: "tmpfs", unix.RAMFS_MAGIC: "ramfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
		unix.NFS_SUPER_MAGIC: "nfs", unix.SMB2_SUPER_MAGIC: "cifs", unix.CIFS_SUPER_MAGIC: "cifs", unix.V9FS_MAGIC: "9p", 0x2fc12fc1: "zfs",
	}
	if name := names[magic]; name != "" {
		return name
	}
	return fmt.Sprintf("file system %#x", magic)
}

// port tries the port, unless a node of this machine holds it.
func (f *Facts) port(ctx context.Context, dir string) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.Listen)
	if err == nil {
		l.Close()
		return
	}
	f.PortError = err
	if errors.Is(err, syscall.EADDRINUSE) {
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", filepath.Join(dir, "picloud.sock"))
		if f.Serving = err == nil; f.Serving {
			c.Close()
		}
	}
}

// multicastOn are the interfaces on which the group of multicast DNS can be
// joined.
func multicastOn() (names []string, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, ifi := range all {
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&net.FlagMulticast == 0 || ifi.Flags&net.FlagLoopback != 0 {
			continue
		}
		if addrs, err := ifi.Addrs(); err != nil || len(addrs) == 0 {
			continue
		}
		c, joined := net.ListenMulticastUDP("udp4", &ifi, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353})
		if joined != nil {
			err = joined
			continue
		}
		c.Close()
		names = append(names, ifi.Name)
	}
	if len(names) > 0 {
		return names, nil
	}
	return nil, err
}
