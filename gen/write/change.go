package write

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Change is one difference between output and disk.
type Change struct {
	Path     string
	Old, New []byte // nil: no such file before, or after
}

// Compare finds what has to change on disk so that the owned places hold
// exactly these files. An owned place is a file, or a folder with everything
// in it when it ends with a slash.
func Compare(root *os.Root, owned []string, files []File) ([]Change, error) {
	var changes []Change
	wanted := map[string]bool{}
	for _, f := range files {
		if !owns(owned, f.Path) {
			return nil, fmt.Errorf("%s is emitted but no output declares it; add it to the table of outputs", f.Path)
		}
		wanted[f.Path] = true
		old, err := root.ReadFile(f.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(old, f.Content) {
			changes = append(changes, Change{f.Path, old, f.Content})
		}
	}
	present, err := Present(root, owned)
	if err != nil {
		return nil, err
	}
	for _, name := range present {
		if wanted[name] {
			continue
		}
		old, err := root.ReadFile(name)
		if err != nil {
			return nil, err
		}
		changes = append(changes, Change{name, old, nil})
	}
	slices.SortFunc(changes, func(x, y Change) int { return strings.Compare(x.Path, y.Path) })
	return changes, nil
}

func owns(owned []string, name string) bool {
	return slices.ContainsFunc(owned, func(o string) bool {
		return name == o || strings.HasSuffix(o, "/") && strings.HasPrefix(name, o)
	})
}

// Present lists the files that are in the owned places now, sorted.
func Present(root *os.Root, owned []string) ([]string, error) {
	var names []string
	for _, o := range owned {
		err := fs.WalkDir(root.FS(), strings.TrimSuffix(o, "/"), func(name string, d fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return nil
			case err != nil:
				return err
			case !d.IsDir():
				names = append(names, name)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Apply makes the changes. Each file is replaced whole, so that a run that is
// interrupted leaves whole files.
func Apply(root *os.Root, changes []Change) error {
	for _, c := range changes {
		if c.New == nil {
			if err := root.Remove(c.Path); err != nil {
				return err
			}
			continue
		}
		if err := replace(root, c.Path, c.New); err != nil {
			return err
		}
	}
	return nil
}

func replace(root *os.Root, name string, content []byte) error {
	if err := root.MkdirAll(path.Dir(name), 0o777); err != nil {
		return err
	}
	beside := path.Join(path.Dir(name), "."+path.Base(name)+".new")
	if err := root.WriteFile(beside, content, 0o666); err != nil {
		return errors.Join(err, root.Remove(beside))
	}
	return root.Rename(beside, name)
}
