package gen

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

// Seen remembers the last run that left nothing to do, by one digest over the
// generator's own executable, every file of the ontology and every file of the
// output as they lie on disk. While it is the same, another run would read the
// same and write the same. It lives in the user's cache, not in the
// repository; without it the run is only slower.
type Seen struct {
	root *os.Root
	file string // "" = there is no cache
	now  string
}

// OpenSeen takes the digest of the present.
func OpenSeen(root *os.Root) (*Seen, error) {
	s := &Seen{root: root}
	cache, err := os.UserCacheDir()
	if err != nil {
		return s, nil
	}
	place := sha256.Sum256([]byte(root.Name()))
	s.file = filepath.Join(cache, "picloud-gen", hex.EncodeToString(place[:8]))
	s.now, err = digest(root)
	return s, err
}

// Unchanged reports whether the last run with these bytes had nothing to do.
func (s *Seen) Unchanged() bool {
	last, err := os.ReadFile(s.file)
	return err == nil && s.now != "" && string(last) == s.now
}

// Remember keeps the digest of what the run left behind.
func (s *Seen) Remember() error {
	if s.file == "" {
		return nil
	}
	now, err := digest(s.root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.file), 0o700); err != nil {
		return nil // a cache that cannot be written is no fault of the run
	}
	_ = os.WriteFile(s.file, []byte(now), 0o600)
	return nil
}

func digest(root *os.Root) (string, error) {
	h := sha256.New()
	executable, err := os.Executable()
	if err != nil {
		return "", err
	}
	program, err := os.Open(executable)
	if err != nil {
		return "", err
	}
	defer program.Close()
	if _, err := io.Copy(h, program); err != nil {
		return "", err
	}
	for _, place := range append(Owned(Outputs()), plan.Source+"/") {
		if err := digestPlace(h, root, place); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func digestPlace(h hash.Hash, root *os.Root, place string) error {
	names, err := write.Present(root, []string{place})
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := root.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		fmt.Fprintf(h, "%s %d\n", name, len(content))
		h.Write(content)
	}
	return nil
}
