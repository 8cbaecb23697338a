package eventlog

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picloud/picloud/runtime/disk"
)

// damagedSuffix names the copy of a segment that Salvage sets aside.
const damagedSuffix = ".damaged"

// Salvage makes a closed log that Open refuses as corrupt open again, up to the first
// damage in its newest segment, by no longer claiming that what follows is durable;
// Open then cuts it. It is for a node that has the rest from others: what was
// acknowledged and is nowhere else is lost for this log. A copy of the newest
// segment stays beside it, for whoever wants to know. Damage in older segments does
// not keep a log from opening: see Heal. Log.Owed says up to where others have to
// bring it.
func Salvage(cfg Config) error {
	fsys := cfg.FS
	if fsys == nil {
		fsys = disk.OS()
	}
	names, err := fsys.ReadDir(cfg.Dir)
	if err != nil {
		return named("salvage the event log", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, segmentPrefix) || !strings.HasSuffix(name, segmentSuffix)
	})
	if len(names) > 0 {
		if err := setAside(fsys, filepath.Join(cfg.Dir, names[len(names)-1])); err != nil {
			return err
		}
	}
	f, m, err := openMark(fsys, cfg.Dir, true)
	if err != nil {
		return fmt.Errorf("salvage the event log: %w", err)
	}
	if m.position > readPlace(fsys, cfg.Dir, owedName) { // it may be cut twice before it is brought up
		err = writePlace(fsys, cfg.Dir, owedName, m.position)
	}
	for range 2 {
		m = mark{sequence: m.sequence + 1}
		if err == nil {
			err = writeMark(f, m)
		}
	}
	return closing(f, err)
}

// setAside copies a segment beside itself.
func setAside(fsys disk.FS, path string) error {
	from, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return named("salvage "+path, err)
	}
	size, err := from.Size()
	if err == nil {
		err = disk.WriteFile(fsys, path+damagedSuffix, 0o600, func(w io.Writer) error {
			_, err := io.Copy(w, io.NewSectionReader(from, 0, size))
			return err
		})
	}
	if err = closing(from, err); err != nil {
		return named("set a copy of "+path+" aside", err)
	}
	return nil
}

// Owed is the position up to which the log was durable before it was salvaged; 0 when
// it never was or reaches so far again. Until then it must not take part in anything
// that counts on what it acknowledged.
func (l *Log) Owed() uint64 {
	if owed := readPlace(l.fs, l.dir, owedName); owed > l.Head().Position {
		return owed
	}
	return 0
}
