package insight

import "syscall"

// DiskOf tells the size of the disk that a directory is on, and what of it is
// used, in bytes.
func DiskOf(dir string) func() (size, used int64, ok bool) {
	return func() (size, used int64, ok bool) {
		var disk syscall.Statfs_t
		if err := syscall.Statfs(dir, &disk); err != nil {
			return 0, 0, false
		}
		block := int64(disk.Bsize)
		return int64(disk.Blocks) * block, int64(disk.Blocks-disk.Bfree) * block, true
	}
}
