//go:build linux

package install

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// Results of a check.
const (
	Pass = "pass"
	Warn = "warn" // it works, less well or not for long
	Fail = "fail" // a node would not work
)

// Check is one judgement of the machine.
type Check struct {
	Name   string `json:"check"`
	Result string `json:"result"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"` // of what is no pass
}

// Facts are what a machine is judged by; probe finds them.
type Facts struct {
	Kernel      string // release
	Controllers []string
	CgroupV1    bool
	Systemd     bool
	Synced      bool
	Now, Built  time.Time // the clock, and when this program was made
	Syncs       []time.Duration
	DiskError   error // syncing failed
	FileSystem  string
	Free, Total uint64 // bytes of the disk
	Listen      string
	PortError   error
	Serving     bool // the port is held by a node of this machine
	MulticastOn []string
	NoMulticast error
	PageSize    int
	Memory      uint64 // bytes
	Privileged  bool   // may open any port
}

// Judge says what each fact is worth.
func Judge(f Facts) []Check {
	return []Check{
		kernel(f), cgroups(f), supervisor(f), clock(f), disk(f), space(f), port(f), multicast(f), pages(f), memory(f),
	}
}

const (
	kernelNeeded, kernelGood = "4.19", "5.10"
	syncGood, syncBad        = 20 * time.Millisecond, 500 * time.Millisecond
	spaceGood, spaceNeeded   = 4 << 30, 1 << 30
	memoryGood, memoryNeeded = 900 << 20, 400 << 20 // boards keep a part of their GiB
)

func kernel(f Facts) Check {
	c := Check{"kernel", Pass, "Linux " + f.Kernel, ""}
	switch v := version(f.Kernel); {
	case slices.Compare(v, version(kernelNeeded)) < 0:
		c.Result, c.Remedy = Fail, "upgrade the system: Linux "+kernelGood+" or later is meant"
	case slices.Compare(v, version(kernelGood)) < 0:
		c.Result, c.Remedy = Warn, "it is older than what picloud is tried on; upgrade the system to Linux "+kernelGood+" or later"
	}
	return c
}

// version are the leading numbers of a release such as 6.12.25+rpt-rpi-v8.
func version(release string) (numbers []int) {
	for part := range strings.SplitSeq(release, ".") {
		n, digits := 0, 0
		for ; digits < min(len(part), 6) && '0' <= part[digits] && part[digits] <= '9'; digits++ {
			n = 10*n + int(part[digits]-'0')
		}
		if digits == 0 {
			break
		}
		if numbers = append(numbers, n); digits < len(part) {
			break
		}
	}
	return numbers
}

// needed are the controllers that limit workloads.
var needed = []string{"cpu", "memory", "pids"}

func cgroups(f Facts) Check {
	var missing []string
	for _, name := range needed {
		if !slices.Contains(f.Controllers, name) {
			missing = append(missing, name)
		}
	}
	switch {
	case f.CgroupV1:
		return Check{"cgroups", Warn, "version 1", "limits of workloads are better kept by version 2: boot with systemd.unified_cgroup_hierarchy=1"}
	case len(f.Controllers) == 0:
		return Check{"cgroups", Fail, "none", "mount /sys/fs/cgroup, or start this where the machine's are to be seen"}
	case slices.Contains(missing, "memory"):
		return Check{"cgroups", Warn, "version 2 without memory", "workloads cannot be limited in memory; add cgroup_enable=memory cgroup_memory=1 to the kernel's command line (Raspberry Pi: /boot/firmware/cmdline.txt) and boot again"}
	case len(missing) > 0:
		return Check{"cgroups", Warn, "version 2 without " + strings.Join(missing, ", "), "use a kernel that has them: workloads cannot be limited in these"}
	}
	return Check{"cgroups", Pass, "version 2", ""}
}

func supervisor(f Facts) Check {
	if f.Systemd {
		return Check{"supervisor", Pass, "systemd", ""}
	}
	return Check{"supervisor", Warn, "systemd does not run", "let another supervisor start \"picloud server --dir DIR --listen :443\" and start it again when it ends"}
}

func clock(f Facts) Check {
	now := f.Now.UTC().Format(time.RFC3339)
	switch {
	case f.Now.Before(f.Built):
		return Check{"clock", Fail, now + ", before this program was made", "set the clock: timedatectl set-ntp true, or date -s"}
	case !f.Synced:
		return Check{"clock", Warn, now + ", not synchronised", "timedatectl set-ntp true (systemd-timesyncd or chrony); nothing that must be right depends on it, but expiries and times shown do"}
	}
	return Check{"clock", Pass, "synchronised", ""}
}

func disk(f Facts) Check {
	c := Check{Name: "disk sync", Result: Pass}
	if f.DiskError != nil {
		return Check{"disk sync", Fail, f.DiskError.Error(), "choose a directory that can be written with --dir"}
	}
	slices.Sort(f.Syncs)
	middle, most := f.Syncs[len(f.Syncs)/2], f.Syncs[len(f.Syncs)*95/100]
	c.Found = fmt.Sprintf("%s in the middle, %s for 95 of 100, on %s", short(middle), short(most), f.FileSystem)
	switch {
	case slices.Contains([]string{"nfs", "cifs", "9p"}, f.FileSystem):
		c.Result, c.Remedy = Fail, "a node keeps its data on a disk of its own; name one with --dir"
	case slices.Contains([]string{"tmpfs", "ramfs", "overlay"}, f.FileSystem):
		c.Result, c.Remedy = Warn, "this does not outlast the machine or container; name a directory on a disk with --dir"
	case middle > syncBad:
		c.Result, c.Remedy = Fail, "each write waits that long; use an SSD or another SD card"
	case most > syncGood:
		c.Result, c.Remedy = Warn, "each write waits that long; an SSD at USB 3 or NVMe takes a few ms"
	}
	return c
}

func short(d time.Duration) string {
	if d < time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

func space(f Facts) Check {
	c := Check{"free space", Pass, fmt.Sprintf("%s of %s", bytesOf(f.Free), bytesOf(f.Total)), ""}
	switch mark := max(256<<20, f.Total/50); {
	case f.Free < mark:
		c.Result, c.Remedy = Fail, "writes are refused with less than "+bytesOf(mark)+" free; free some, or name another disk with --dir"
	case f.Free < spaceNeeded:
		c.Result, c.Remedy = Warn, "this is soon full; free some, or name another disk with --dir"
	case f.Free < spaceGood:
		c.Result, c.Remedy = Warn, "enough to begin with; events are kept for ever"
	}
	return c
}

func bytesOf(n uint64) string {
	if n >= 10<<30 {
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

func port(f Facts) Check {
	switch {
	case f.Serving:
		return Check{"port", Pass, f.Listen + " is held by the node that runs here", ""}
	case f.PortError != nil && !f.Privileged && strings.Contains(f.PortError.Error(), "permission"):
		return Check{"port", Warn, f.Listen + " cannot be tried", "run this as root to know; the service itself may open it"}
	case f.PortError != nil:
		return Check{"port", Fail, f.PortError.Error(), "stop what holds it (ss -ltnp shows it), or choose another: picloud install -- --listen :8443"}
	}
	return Check{"port", Pass, f.Listen + " is free", ""}
}

func multicast(f Facts) Check {
	switch {
	case f.NoMulticast != nil:
		return Check{"multicast", Warn, f.NoMulticast.Error(), "nodes do not find each other by themselves; name one: picloud install -- --join HOST:PORT"}
	case len(f.MulticastOn) == 0:
		return Check{"multicast", Warn, "no network that can", "connect the network, or name another node: picloud install -- --join HOST:PORT"}
	}
	return Check{"multicast", Pass, "on " + strings.Join(f.MulticastOn, ", "), ""}
}

func pages(f Facts) Check {
	c := Check{"page size", Pass, base.Quantity(int64(f.PageSize), base.ByteSyntax), ""}
	if f.PageSize > 16<<10 {
		c.Result, c.Remedy = Warn, "some images of containers do not run with pages of over 16 KiB; use a kernel with 4 KiB pages"
	}
	return c
}

func memory(f Facts) Check {
	c := Check{"memory", Pass, bytesOf(f.Memory), ""}
	switch {
	case f.Memory < memoryNeeded:
		c.Result, c.Remedy = Fail, "a node needs half a GiB, and workloads more"
	case f.Memory < memoryGood:
		c.Result, c.Remedy = Warn, "enough for a node with little to do; a GiB or more is meant"
	}
	return c
}
