//go:build linux

package main

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// giveBack gives what root made in a directory to the directory's owner: the node
// is started by that user, and could not read it. Whoever is not root made it as
// the user that they are. A file of several names is left: it may lie elsewhere too.
func giveBack(dir string) (err error) {
	if os.Geteuid() != 0 {
		return nil
	}
	root, err := os.OpenRoot(dir) // the owner may put links in the way; none leads out
	if err != nil {
		return err
	}
	defer root.Close()
	about, err := root.Stat(".")
	if err != nil {
		return err
	}
	owner, ok := about.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("the owner of %s is not known", dir)
	}
	return fs.WalkDir(root.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		of, ok := info.Sys().(*syscall.Stat_t)
		if !ok || of.Uid == owner.Uid && of.Gid == owner.Gid || !info.IsDir() && of.Nlink > 1 {
			return nil
		}
		return root.Lchown(path, int(owner.Uid), int(owner.Gid))
	})
}
