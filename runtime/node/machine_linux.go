package node

import (
	"syscall"

	"github.com/picloud/picloud/generated/domain"
)

// measure adds what the operating system says of disk and memory, in bytes.
func measure(dir string, c *domain.NodeCapacity) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err == nil {
		c.Disk = new(int64(disk.Blocks) * int64(disk.Bsize))
	}
	var machine syscall.Sysinfo_t
	if err := syscall.Sysinfo(&machine); err == nil {
		c.Memory = new(int64(machine.Totalram) * int64(machine.Unit))
	}
}
