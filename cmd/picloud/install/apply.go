//go:build linux

package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Change is what happened to one path.
type Change struct {
	Path   string `json:"path"`
	Change string `json:"change"` // created, updated, unchanged, kept, removed, absent
	Note   string `json:"note,omitempty"`
}

// Installer installs below a root.
type Installer struct {
	Root      string   // "/" for the machine itself
	Dir       string   // of the node's data, as seen below the root
	Flags     []string // of the server; nil keeps the options that are there
	Overwrite bool     // also what somebody changed; it is kept beside
	Program   string   // path of the program that becomes the binary

	changes []Change
}

func (i *Installer) at(path string) string { return filepath.Join(i.Root, path) }

func (i *Installer) note(path, change, note string) {
	i.changes = append(i.changes, Change{path, change, note})
}

// Install puts all in place and says what it did, also up to a failure.
func (i *Installer) Install() ([]Change, error) {
	i.changes = nil
	for _, step := range []func() error{
		func() error { return i.directory(optionsDir, 0o755) },
		func() error { return i.directory(i.Dir, 0o700) },
		i.binary,
		func() error { return i.text(usersPath, users, 0o644) },
		i.options,
		func() error { return i.text(unitPath, unit(i.Dir), 0o644) },
		i.enable,
	} {
		if err := step(); err != nil {
			return i.changes, err
		}
	}
	return i.changes, nil
}

func (i *Installer) directory(path string, mode fs.FileMode) error {
	switch found, err := os.Stat(i.at(path)); {
	case err == nil && !found.IsDir():
		return fmt.Errorf("%s is no directory; move it away", path)
	case err == nil && found.Mode().Perm() == mode:
		i.note(path, "unchanged", "")
		return nil
	case err == nil:
		i.note(path, "updated", fmt.Sprintf("mode %04o, was %04o", mode, found.Mode().Perm()))
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(i.at(path), mode); err != nil {
			return err
		}
		i.note(path, "created", "")
	default:
		return err
	}
	return os.Chmod(i.at(path), mode) // whatever the umask is
}

// binary installs the program that runs. Another program of the name is
// replaced: an upgrade is meant.
func (i *Installer) binary() error {
	program, err := os.ReadFile(i.Program)
	if err != nil {
		return err
	}
	there, err := os.ReadFile(i.at(binaryPath))
	switch {
	case err == nil && bytes.Equal(there, program):
		i.note(binaryPath, "unchanged", "")
		return nil
	case err == nil:
		i.note(binaryPath, "updated", "a running node takes it at its next start")
	case errors.Is(err, fs.ErrNotExist):
		i.note(binaryPath, "created", "")
	default:
		return err
	}
	return i.put(binaryPath, program, 0o755)
}

// options are written if flags are given, or if there are none yet.
func (i *Installer) options() error {
	flags := i.Flags
	if flags == nil {
		if _, err := os.Stat(i.at(optionsPath)); err == nil {
			i.note(optionsPath, "unchanged", "")
			return nil
		}
		flags = []string{"--listen=:443"}
	}
	return i.text(optionsPath, options(flags), 0o600) // it may hold a token
}

// text writes a file unless somebody changed it.
func (i *Installer) text(path, text string, mode fs.FileMode) error {
	content := signed(text)
	there, err := os.ReadFile(i.at(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		i.note(path, "created", "")
	case err != nil:
		return err
	case bytes.Equal(there, content):
		i.note(path, "unchanged", "")
		return nil
	case untouched(there):
		i.note(path, "updated", "")
	case i.Overwrite:
		i.note(path, "updated", "it was changed by hand; what it was is in "+path+".old")
		if err := i.put(path+".old", there, mode); err != nil {
			return err
		}
	default:
		i.note(path, "kept", "it was changed by hand; what install would write is in "+path+".new, and --overwrite takes it")
		return i.put(path+".new", content, mode)
	}
	return i.put(path, content, mode)
}

// put replaces a file whole.
func (i *Installer) put(path string, content []byte, mode fs.FileMode) error {
	name := i.at(path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(name), ".picloud-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // gone if all went well
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

// enable makes the unit start with the machine.
func (i *Installer) enable() error {
	name := i.at(enabledPath)
	if target, err := os.Readlink(name); err == nil && target == unitPath {
		i.note(enabledPath, "unchanged", "")
		return nil
	}
	if _, err := os.Lstat(name); err == nil {
		i.note(enabledPath, "kept", "it is not the link that install makes; remove it if it is not meant")
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	i.note(enabledPath, "created", "the node starts with the machine")
	return os.Symlink(unitPath, name)
}

// Uninstall removes what Install put there, but nothing that somebody changed
// and no data.
func (i *Installer) Uninstall() ([]Change, error) {
	i.changes = nil
	for _, step := range []func() error{
		func() error {
			return i.remove(enabledPath, func(name string) bool {
				target, err := os.Readlink(name)
				return err == nil && target == unitPath
			})
		},
		func() error { return i.remove(unitPath, unchangedText) },
		func() error { return i.remove(usersPath, unchangedText) },
		func() error { return i.remove(optionsPath, unchangedText) },
		func() error {
			return i.remove(binaryPath, func(name string) bool {
				a, err := os.ReadFile(name)
				b, other := os.ReadFile(i.Program)
				return err == nil && other == nil && bytes.Equal(a, b)
			})
		},
		func() error { return i.removeEmpty(optionsDir) },
		func() error { return i.removeEmpty(i.Dir) },
	} {
		if err := step(); err != nil {
			return i.changes, err
		}
	}
	return i.changes, nil
}

func unchangedText(name string) bool {
	content, err := os.ReadFile(name)
	return err == nil && untouched(content)
}

func (i *Installer) remove(path string, ours func(name string) bool) error {
	name := i.at(path)
	if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		i.note(path, "absent", "")
		return nil
	}
	if !ours(name) && !i.Overwrite {
		i.note(path, "kept", "it is not as install left it; --overwrite removes it")
		return nil
	}
	i.note(path, "removed", "")
	return os.Remove(name)
}

// removeEmpty removes a directory that holds nothing.
func (i *Installer) removeEmpty(path string) error {
	switch entries, err := os.ReadDir(i.at(path)); {
	case errors.Is(err, fs.ErrNotExist):
		i.note(path, "absent", "")
		return nil
	case err != nil:
		return err
	case len(entries) > 0:
		i.note(path, "kept", fmt.Sprintf("it holds %d entries; data is never removed", len(entries)))
		return nil
	}
	i.note(path, "removed", "")
	return os.Remove(i.at(path))
}
