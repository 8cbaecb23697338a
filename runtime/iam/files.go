package iam

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// KeySize is the length of symmetric keys and of the secret part of tokens, in
// bytes.
const KeySize = 32

// secretMax is how large a file with a secret may be that is read, in bytes.
const secretMax = 64 << 10

// WriteSecret puts content into a file of mode 0600, whole or not at all, and
// durably.
func WriteSecret(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, remove(file.Name()))
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// readSecret reads a file that only its owner may read.
func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): if it was seen, make a new one; else run: chmod 600 %s",
			path, info.Mode().Perm(), path)
	}
	text, err := io.ReadAll(io.LimitReader(file, secretMax+1))
	if len(text) > secretMax {
		return nil, fmt.Errorf("%s has more than %d bytes, so it is no secret of a node; restore it from a backup", path, secretMax)
	}
	return text, err
}

// lost refuses to go on without a file of a directory that was in use before.
func lost(path string) error {
	return fmt.Errorf("%s is missing; restore it from a backup: what it protected cannot be read or trusted with a new one", path)
}

// readKey reads a key of KeySize bytes that was made before.
func readKey(path string) ([]byte, error) {
	key, err := readSecret(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, lost(path)
	case err != nil:
		return nil, err
	case len(key) != KeySize:
		return nil, fmt.Errorf("the key %s has %d bytes, expected %d: restore it from a backup", path, len(key), KeySize)
	}
	return key, nil
}
