package raftlog_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

var members = raft.Configuration{Servers: []raft.Server{{ID: "n1", Address: "n1", Suffrage: raft.Voter}, {ID: "n2", Address: "n2", Suffrage: raft.Nonvoter}}}

func take(s raft.SnapshotStore, index uint64, content string) error {
	sink, err := s.Create(1, index, 7, members, index-1, nil)
	if err != nil {
		return err
	}
	if _, err := sink.Write([]byte(content)); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func TestNewestSnapshotsAreKept(t *testing.T) {
	d := newDisk(rand.New(rand.NewPCG(1, 20)))
	s := raftlog.NewSnapshots(d, dir, 2)
	for _, index := range []uint64{9, 10, 100} {
		if err := take(s, index, "content"); err != nil {
			t.Fatal(err)
		}
	}
	given, err := s.Create(1, 200, 7, members, 1, nil)
	if err = errors.Join(err, given.Cancel(), given.Close()); err != nil {
		t.Fatal(err)
	}
	list, err := raftlog.NewSnapshots(d.After(), dir, 2).List()
	if err != nil || len(list) != 2 || list[0].Index != 100 || list[1].Index != 10 {
		t.Fatal(list, err)
	}
	meta, content, err := s.Open(list[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(content)
	if err != nil || string(data) != "content" || meta.Size != 7 || meta.Term != 7 || meta.ConfigurationIndex != 99 || len(meta.Configuration.Servers) != 2 || meta.Configuration.Servers[1] != members.Servers[1] {
		t.Errorf("%+v, %q, %v", meta, data, err)
	}
}

func TestPowerCutLeavesASnapshotWholeOrNone(t *testing.T) {
	for seed := range seeds() * 20 {
		for at := 1; ; at++ {
			d := newDisk(rand.New(rand.NewPCG(seed, 21)))
			if err := take(raftlog.NewSnapshots(d, dir, 2), 5, "first"); err != nil {
				t.Fatal(err)
			}
			d.CutAt(at)
			s := raftlog.NewSnapshots(d, dir, 2)
			err := errors.Join(take(s, 6, "second"), take(s, 7, "third"))
			list, lerr := raftlog.NewSnapshots(d.After(), dir, 2).List()
			if lerr != nil || len(list) == 0 || err == nil && list[0].Index != 7 {
				t.Fatalf("seed %d, cut at %d: %d, %v", seed, at, len(list), lerr)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, faulty.ErrPower) {
				t.Fatal(err)
			}
		}
	}
}

func TestDamagedSnapshotIsNamed(t *testing.T) {
	d := newDisk(rand.New(rand.NewPCG(1, 22)))
	s := raftlog.NewSnapshots(d, dir, 2)
	if err := take(s, 5, "content"); err != nil {
		t.Fatal(err)
	}
	for path, size := range sizes(t, d) {
		if filepath.Dir(path) != dir {
			t.Fatal(path)
		}
		for at := range size - 1 { // the last is the end of the line
			d.Flip(path, at, 4)
			var corrupt *raftlog.CorruptError
			if _, err := s.List(); !errors.As(err, &corrupt) || corrupt.File != path {
				t.Fatalf("byte %d: %v", at, err)
			}
			d.Flip(path, at, 4)
		}
	}
}
