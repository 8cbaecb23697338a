package raftlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/disk"
)

// Snapshots keeps the newest of Raft's snapshots. They are small: they say where
// the event log stood and who the members were, not what happened. Each is a file
// of two lines, JSON and its CRC-32C in hex, that appears whole or not at all.
type Snapshots struct {
	fs     disk.FS
	dir    string
	retain int
	write  disk.Lock
}

var _ raft.SnapshotStore = (*Snapshots)(nil)

const (
	snapshotPrefix = "snapshot-"
	snapshotSuffix = ".json"
	// maxSnapshot bounds the content of a snapshot.
	maxSnapshot = 1 << 20
)

// snapshotFile is the JSON of a snapshot.
type snapshotFile struct {
	Meta    raft.SnapshotMeta `json:"meta"`
	Content []byte            `json:"content"`
}

// NewSnapshots keeps the newest retain snapshots in dir, which exists.
func NewSnapshots(fsys disk.FS, dir string, retain int) *Snapshots {
	return &Snapshots{fs: fsys, dir: dir, retain: max(retain, 1), write: disk.NewLock()}
}

// snapshotID sorts as snapshots do: by index, then by term.
func snapshotID(index, term uint64) string { return fmt.Sprintf("%020d-%020d", index, term) }

func (s *Snapshots) path(id string) string {
	return filepath.Join(s.dir, snapshotPrefix+id+snapshotSuffix)
}

// Create begins a snapshot; it counts once the sink was closed.
func (s *Snapshots) Create(version raft.SnapshotVersion, index, term uint64, members raft.Configuration, membersIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &snapshotSink{store: s, meta: raft.SnapshotMeta{
		Version: version, ID: snapshotID(index, term), Index: index, Term: term, Configuration: members, ConfigurationIndex: membersIndex,
	}}, nil
}

// ids are those of what is there, newest first; rest names what crashes left.
func (s *Snapshots) ids() (ids, rest []string, err error) {
	names, err := s.fs.ReadDir(s.dir)
	if err != nil {
		return nil, nil, fmt.Errorf("list Raft's snapshots: %w", err)
	}
	for _, name := range names {
		id, is := strings.CutPrefix(name, snapshotPrefix)
		id, whole := strings.CutSuffix(id, snapshotSuffix)
		switch {
		case is && whole:
			ids = append(ids, id)
		case is:
			rest = append(rest, name)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	return ids, rest, nil
}

// List gives what is known of each snapshot, newest first. A damaged one is a
// *CorruptError: Raft's log does not reach back behind the newest.
func (s *Snapshots) List() (list []*raft.SnapshotMeta, err error) {
	ids, _, err := s.ids()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		f, err := s.read(id)
		if err != nil {
			return nil, err
		}
		list = append(list, &f.Meta)
	}
	return list, nil
}

// Open gives a snapshot and its content.
func (s *Snapshots) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	f, err := s.read(id)
	if err != nil {
		return nil, nil, err
	}
	return &f.Meta, io.NopCloser(bytes.NewReader(f.Content)), nil
}

func (s *Snapshots) read(id string) (*snapshotFile, error) {
	data, err := disk.ReadFile(s.fs, s.path(id))
	if err != nil {
		return nil, fmt.Errorf("read a Raft snapshot: %w", err)
	}
	line, sum, _ := bytes.Cut(data, []byte{'\n'})
	if string(sum) != checksumLine(line) {
		return nil, &CorruptError{File: s.path(id), Reason: "its checksum (CRC-32C) does not match"}
	}
	f := &snapshotFile{}
	if err := json.Unmarshal(line, f); err != nil || f.Meta.ID != id {
		return nil, &CorruptError{File: s.path(id), Reason: "it is no snapshot"}
	}
	f.Meta.Size = int64(len(f.Content))
	return f, nil
}

func checksumLine(line []byte) string {
	return fmt.Sprintf("%08x\n", crc32.Checksum(line, castagnoli))
}

// put writes f, durably, and removes what is older than is kept.
func (s *Snapshots) put(f *snapshotFile) error {
	s.write.Lock()
	defer s.write.Unlock()
	line, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("write a Raft snapshot: %w", err)
	}
	err = disk.WriteFile(s.fs, s.path(f.Meta.ID), 0o600, func(w io.Writer) error {
		_, err := w.Write(append(append(line, '\n'), checksumLine(line)...))
		return err
	})
	if err != nil {
		return fmt.Errorf("write a Raft snapshot: %w", err)
	}
	ids, rest, err := s.ids()
	if err != nil {
		return err
	}
	for _, id := range ids[min(s.retain, len(ids)):] {
		rest = append(rest, filepath.Base(s.path(id)))
	}
	for _, name := range rest {
		if err := s.fs.Remove(filepath.Join(s.dir, name)); err != nil {
			return fmt.Errorf("remove a Raft snapshot: %w", err)
		}
	}
	return nil
}

// snapshotSink gathers a snapshot.
type snapshotSink struct {
	store   *Snapshots
	meta    raft.SnapshotMeta
	content []byte
	ended   bool
}

func (s *snapshotSink) ID() string { return s.meta.ID }

func (s *snapshotSink) Write(p []byte) (int, error) {
	if len(s.content)+len(p) > maxSnapshot {
		return 0, fmt.Errorf("a Raft snapshot has more than %d bytes", maxSnapshot)
	}
	s.content = append(s.content, p...)
	return len(p), nil
}

// Close makes the snapshot count.
func (s *snapshotSink) Close() error {
	if s.ended {
		return nil
	}
	s.ended = true
	return s.store.put(&snapshotFile{s.meta, s.content})
}

// Cancel forgets it.
func (s *snapshotSink) Cancel() error {
	s.ended = true
	s.content = nil
	return nil
}

// CopySnapshots takes over what another store keeps.
func (s *Snapshots) CopySnapshots(from raft.SnapshotStore) error {
	list, err := from.List()
	if err != nil {
		return fmt.Errorf("list Raft's former snapshots: %w", err)
	}
	for _, known := range slices.Backward(list) {
		meta, content, err := from.Open(known.ID)
		if err != nil {
			return fmt.Errorf("open a former Raft snapshot: %w", err)
		}
		data, err := io.ReadAll(io.LimitReader(content, maxSnapshot+1))
		if err = errors.Join(err, content.Close()); err != nil {
			return fmt.Errorf("read a former Raft snapshot: %w", err)
		}
		if len(data) > maxSnapshot {
			return fmt.Errorf("a former Raft snapshot has more than %d bytes", maxSnapshot)
		}
		taken := *meta
		taken.ID = snapshotID(meta.Index, meta.Term)
		if err := s.put(&snapshotFile{taken, data}); err != nil {
			return err
		}
	}
	return nil
}
