package consensus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// bbolt maps its file and trusts it: one that is shorter than its meta page
// says is not an error there but a fatal signal. So that is checked before.
//
// A meta page is a page header of 16 bytes, then magic, version, page size,
// flags (u32 each), root page, sequence, free-list page, number of pages,
// transaction (u64 each), and the FNV-64a sum of these 56 bytes.
const (
	metaOffset = 16
	metaBytes  = 56
	metaMagic  = 0xED0CDAED
)

// checkBolt refuses a bbolt file without a good meta page or shorter than its
// pages. A missing or empty file is fine: it will be made.
func checkBolt(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open Raft's store: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("open Raft's store: %w", err)
	}
	if info.Size() == 0 {
		return nil
	}
	pages, found := newestMeta(f)
	switch {
	case !found:
		return fmt.Errorf("%w: %s has no readable meta page; restore this node from another or a backup", ErrStoreDamaged, path)
	case info.Size() < int64(pages)*stablePage:
		return fmt.Errorf("%w: %s has %d bytes but says it has %d; restore this node from another or a backup",
			ErrStoreDamaged, path, info.Size(), int64(pages)*stablePage)
	}
	return nil
}

// newestMeta gives the number of pages by the newer good meta page.
func newestMeta(f io.ReaderAt) (pages uint64, found bool) {
	le := binary.LittleEndian
	var newest uint64
	for page := range int64(2) {
		m := make([]byte, metaBytes+8)
		if _, err := f.ReadAt(m, page*stablePage+metaOffset); err != nil {
			continue
		}
		sum := fnv.New64a()
		sum.Write(m[:metaBytes])
		if le.Uint32(m) != metaMagic || le.Uint32(m[8:]) != stablePage || le.Uint64(m[metaBytes:]) != sum.Sum64() {
			continue
		}
		if tx := le.Uint64(m[48:]); !found || tx > newest {
			pages, newest, found = le.Uint64(m[40:]), tx, true
		}
	}
	return pages, found
}
