package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/disk"
)

// Stable keeps Raft's term and vote, a few keys, in a file of two slots that are
// written in turn: a cut in the middle of one leaves the other, and with it what
// was answered for. Integers are little-endian:
//
//	 0 [8] "pcstable"
//	 8 u64 sequence number; the greater one counts
//	16 u32 length of the pairs
//	20 pairs in the order of their keys: u16 length, key, u16 length, value
//	   u32 CRC-32C of the bytes before
const (
	stableName   = "stable"
	stableMagic  = "pcstable"
	stableSlot   = 4096
	stableHeader = 20
)

// ErrAbsent means that nothing is kept under a key. Raft knows it by its text.
var ErrAbsent = errors.New("not found")

// Stable is a raft.StableStore. Every answer is durable.
type Stable struct {
	path string
	file disk.File

	write    disk.Lock // one change at a time; taken before mu
	sequence uint64
	failed   error

	mu     sync.Mutex
	values map[string][]byte
}

var _ raft.StableStore = (*Stable)(nil)

// CreateStable makes the file in dir, durably, with values in it.
func CreateStable(fsys disk.FS, dir string, values map[string][]byte) error {
	slot, err := encodeSlot(1, values)
	if err != nil {
		return err
	}
	return disk.WriteFile(fsys, filepath.Join(dir, stableName), 0o600, func(w io.Writer) error {
		_, err := w.Write(append(make([]byte, stableSlot), slot...)) // number 1 is the second slot
		return err
	})
}

// OpenStable opens the file in dir, or says that it does not exist: a new one
// would have forgotten for whom this node voted.
func OpenStable(fsys disk.FS, dir string) (*Stable, error) {
	path := filepath.Join(dir, stableName)
	content, err := disk.ReadFile(fsys, path)
	if err != nil {
		return nil, fmt.Errorf("open Raft's term and vote: %w", err)
	}
	s := &Stable{path: path, write: disk.NewLock()}
	if len(content) != 2*stableSlot {
		return nil, &CorruptError{File: path, Reason: fmt.Sprintf("it has %d bytes, not %d", len(content), 2*stableSlot)}
	}
	for at := 0; at < len(content); at += stableSlot {
		if sequence, values, ok := decodeSlot(content[at : at+stableSlot]); ok && sequence > s.sequence {
			s.sequence, s.values = sequence, values
		}
	}
	if s.values == nil {
		return nil, &CorruptError{File: path, Reason: "neither slot is readable"}
	}
	if s.file, err = fsys.OpenFile(path, os.O_RDWR, 0); err != nil {
		return nil, fmt.Errorf("open Raft's term and vote: %w", err)
	}
	// What was read may be in the operating system's cache only.
	if err := s.file.Sync(); err != nil {
		return nil, errors.Join(fmt.Errorf("open Raft's term and vote %s: %w", path, err), s.file.Close())
	}
	return s, nil
}

// HasStable tells whether the file is in dir.
func HasStable(fsys disk.FS, dir string) (bool, error) {
	return disk.Exists(fsys, filepath.Join(dir, stableName))
}

func encodeSlot(sequence uint64, values map[string][]byte) ([]byte, error) {
	le := binary.LittleEndian
	b := make([]byte, stableHeader, stableSlot)
	copy(b, stableMagic)
	le.PutUint64(b[8:], sequence)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		for _, part := range [...]string{key, string(values[key])} {
			if len(part) > stableSlot {
				return nil, fmt.Errorf("raftlog: %q is too long for Raft's term and vote: %d bytes", key, len(part))
			}
			b = append(le.AppendUint16(b, uint16(len(part))), part...)
		}
	}
	le.PutUint32(b[16:], uint32(len(b)-stableHeader))
	b = le.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if len(b) > stableSlot {
		return nil, fmt.Errorf("raftlog: Raft's term and vote take %d bytes, the limit is %d", len(b), stableSlot)
	}
	return b[:stableSlot], nil
}

func decodeSlot(b []byte) (sequence uint64, values map[string][]byte, ok bool) {
	le := binary.LittleEndian
	length := int64(le.Uint32(b[16:]))
	if string(b[:8]) != stableMagic || stableHeader+length+4 > stableSlot {
		return 0, nil, false
	}
	pairs := b[stableHeader : stableHeader+length]
	if crc32.Checksum(b[:stableHeader+length], castagnoli) != le.Uint32(b[stableHeader+length:]) {
		return 0, nil, false
	}
	values = map[string][]byte{}
	for len(pairs) > 0 {
		var key, value []byte
		if key, pairs, ok = cutPart(pairs); !ok {
			return 0, nil, false
		}
		if value, pairs, ok = cutPart(pairs); !ok {
			return 0, nil, false
		}
		values[string(key)] = slices.Clone(value)
	}
	return le.Uint64(b[8:]), values, true
}

func cutPart(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := 2 + int(binary.LittleEndian.Uint16(b))
	if n > len(b) {
		return nil, nil, false
	}
	return b[2:n], b[n:], true
}

// Get gives the value of key, or the error "not found".
func (s *Stable) Get(key []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.values[string(key)]
	if !ok {
		return nil, ErrAbsent
	}
	return slices.Clone(value), nil
}

// GetUint64 gives the number of key, or the error "not found".
func (s *Stable) GetUint64(key []byte) (uint64, error) {
	value, err := s.Get(key)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("raftlog: the value of %q is no number", key)
	}
	return binary.BigEndian.Uint64(value), nil
}

// SetUint64 is Set of a number.
func (s *Stable) SetUint64(key []byte, value uint64) error {
	return s.Set(key, binary.BigEndian.AppendUint64(nil, value))
}

// Set keeps a value, durably; one that is there already costs nothing. After a
// failed write all further ones fail: which slot counts is no longer known before
// the file is opened again.
func (s *Stable) Set(key, value []byte) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.failed != nil {
		return fmt.Errorf("the store of term and vote failed before: %w", s.failed)
	}
	s.mu.Lock()
	values := maps.Clone(s.values)
	s.mu.Unlock()
	if old, there := values[string(key)]; there && bytes.Equal(old, value) {
		return nil
	}
	values[string(key)] = slices.Clone(value)
	slot, err := encodeSlot(s.sequence+1, values)
	if err != nil {
		return err
	}
	if err := s.put(slot); err != nil {
		s.failed = fmt.Errorf("write %s: %w", s.path, err)
		return s.failed
	}
	s.sequence++
	s.mu.Lock()
	s.values = values
	s.mu.Unlock()
	return nil
}

func (s *Stable) put(slot []byte) error {
	if _, err := s.file.WriteAt(slot, int64((s.sequence+1)%2)*stableSlot); err != nil {
		return err
	}
	return s.file.Sync()
}

// Close closes the file.
func (s *Stable) Close() error { return s.file.Close() }
