package datadir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Format is the number of the data format that this program writes. It grows
// with each change that an older program could not read: 3 keeps Raft's term and
// vote in a file of two slots, 2 kept them and 1 also Raft's log in a database.
const Format = 3

const (
	lockName   = "lock"
	formatName = "format"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrInUse means that another process has the directory.
	ErrInUse = errors.New("the data directory is in use by another process")
	// ErrNewer means that a newer program wrote the directory.
	ErrNewer = errors.New("the data directory was written by a newer version")
)

// Config says what to claim and for whom.
type Config struct {
	Dir     string // made with mode 0700 if missing
	Version string // of this program, as people know it ("v0.2.0")
}

// Claim is a claimed directory.
type Claim struct {
	cfg    Config
	lock   *os.File
	format int
}

// Open claims the directory until Close. In a new one it writes the file
// "format": the number and the version that wrote it, one line each.
func Open(cfg Config) (*Claim, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(cfg.Dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	c := &Claim{cfg: cfg, lock: lock}
	if err := c.take(cfg); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return c, nil
}

func (c *Claim) take(cfg Config) error {
	if err := tryLock(c.lock); err != nil {
		if errors.Is(err, ErrInUse) {
			return fmt.Errorf("%w: %s (process %s); stop it, or give another directory", ErrInUse, cfg.Dir, holder(c.lock))
		}
		return fmt.Errorf("data directory %s: lock: %w", cfg.Dir, err)
	}
	if err := c.sign(); err != nil {
		return fmt.Errorf("data directory %s: %w", cfg.Dir, err)
	}
	return c.checkFormat(cfg)
}

// sign writes the process id, for the message that others get.
func (c *Claim) sign() error {
	if err := c.lock.Truncate(0); err != nil {
		return err
	}
	_, err := c.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func holder(lock *os.File) string {
	b, _ := io.ReadAll(io.LimitReader(lock, 20))
	if _, err := strconv.Atoi(strings.TrimSpace(string(b))); err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

func (c *Claim) checkFormat(cfg Config) error {
	path := filepath.Join(cfg.Dir, formatName)
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		c.format = Format
		return writeFormat(cfg.Dir, cfg.Version)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	number, version, _ := strings.Cut(string(content), "\n")
	c.format, err = strconv.Atoi(number)
	if err != nil || c.format < 1 {
		return fmt.Errorf("data directory: %s is damaged: its first line is %.20q, expected a number such as %d", path, number, Format)
	}
	if c.format > Format {
		return fmt.Errorf("%w: %s has format %d, written by picloud %.40s; this is %s, which reads up to format %d; start that version or a newer one",
			ErrNewer, cfg.Dir, c.format, strings.TrimSpace(version), cfg.Version, Format)
	}
	return nil
}

// writeFormat makes the file appear whole or not at all, durably.
func writeFormat(dir, version string) error {
	tmp, err := os.CreateTemp(dir, formatName+".*")
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	_, err = fmt.Fprintf(tmp, "%d\n%s\n", Format, version)
	if err == nil {
		err = tmp.Sync()
	}
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), filepath.Join(dir, formatName))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("data directory: %w", err), os.RemoveAll(tmp.Name()))
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Format is the format found: at most the program's own.
func (c *Claim) Format() int { return c.format }

// Raise says that what the directory holds has been brought to Format, so that
// an older program refuses it. Without need it does nothing.
func (c *Claim) Raise() error {
	if c.format == Format {
		return nil
	}
	if err := writeFormat(c.cfg.Dir, c.cfg.Version); err != nil {
		return err
	}
	c.format = Format
	return nil
}

// Close gives the directory back.
func (c *Claim) Close() error { return c.lock.Close() }
