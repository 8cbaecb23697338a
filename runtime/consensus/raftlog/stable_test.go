package raftlog_test

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

func openStable(t *testing.T, d *faulty.Disk) *raftlog.Stable {
	t.Helper()
	s, err := raftlog.OpenStable(d, dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStableStoreSpeaksAsRaftExpects(t *testing.T) {
	d := newDisk(rand.New(rand.NewPCG(1, 10)))
	if err := raftlog.CreateStable(d, dir, map[string][]byte{"LastVoteCand": []byte("n1")}); err != nil {
		t.Fatal(err)
	}
	s := openStable(t, d)
	if _, err := s.GetUint64([]byte("CurrentTerm")); err == nil || err.Error() != "not found" {
		t.Fatal(err)
	}
	if err := errors.Join(s.SetUint64([]byte("CurrentTerm"), 1<<40), s.Set([]byte("empty"), nil)); err != nil {
		t.Fatal(err)
	}
	s = openStable(t, d)
	if n, err := s.GetUint64([]byte("CurrentTerm")); n != 1<<40 || err != nil {
		t.Error(n, err)
	}
	if v, err := s.Get([]byte("LastVoteCand")); string(v) != "n1" || err != nil {
		t.Error(v, err)
	}
	if v, err := s.Get([]byte("empty")); len(v) != 0 || err != nil {
		t.Error(v, err)
	}
	if _, err := s.GetUint64([]byte("LastVoteCand")); err == nil {
		t.Error("a name passed for a number")
	}
	if err := s.Set([]byte("long"), make([]byte, 4000)); err != nil {
		t.Error(err)
	}
	for _, tooLong := range []int{4096, 70_000} {
		if err := s.Set([]byte("long"), make([]byte, tooLong)); err == nil {
			t.Error("too long a value was taken")
		}
	}
}

// The power goes, or a change fails, at each single change of a schedule: what
// was answered is there, and of what was not either all or nothing.
func TestStableStoreKeepsWhatItAnswered(t *testing.T) {
	for seed := range seeds() * 20 {
		for at := 1; ; at++ {
			r := rand.New(rand.NewPCG(seed, 11))
			d := newDisk(r)
			if err := raftlog.CreateStable(d, dir, nil); err != nil {
				t.Fatal(err)
			}
			if r.IntN(2) == 0 {
				d.CutAt(at)
			} else {
				d.FailAt(at, 1+r.IntN(3))
			}
			ended, err := playStable(d, r)
			if err != nil {
				t.Fatalf("seed %d, fault at %d: %v", seed, at, err)
			}
			if ended {
				break // the schedule is shorter than that
			}
		}
	}
}

func playStable(d *faulty.Disk, r *rand.Rand) (ended bool, err error) {
	certain, maybe := map[string]uint64{}, map[string]uint64{}
	for round := range 4 {
		s, err := raftlog.OpenStable(d, dir)
		if err != nil {
			if !errors.Is(err, faulty.ErrPower) && !errors.Is(err, faulty.ErrIO) {
				return false, err
			}
			d = again(d, r)
			continue
		}
		if err := agrees(s, certain, maybe); err != nil {
			return false, err
		}
		certain, maybe = contentsOf(s), nil
		for i := range 6 {
			key, n := strconv.Itoa(r.IntN(3)), uint64(round*100+i+1)
			maybe = maps.Clone(certain)
			maybe[key] = n
			if err = s.SetUint64([]byte(key), n); err != nil {
				break
			}
			certain = maybe
		}
		if err == nil && round == 3 {
			return true, nil
		}
		if err != nil && s.SetUint64([]byte("0"), 1) == nil {
			return false, errors.New("a failed store took another change")
		}
		d = again(d, r)
	}
	return false, nil
}

// again is the disk for the next process.
func again(d *faulty.Disk, r *rand.Rand) *faulty.Disk {
	if r.IntN(3) == 0 {
		return d.Kill()
	}
	return d.After()
}

func contentsOf(s *raftlog.Stable) map[string]uint64 {
	of := map[string]uint64{}
	for _, key := range []string{"0", "1", "2"} {
		if n, err := s.GetUint64([]byte(key)); err == nil {
			of[key] = n
		}
	}
	return of
}

func agrees(s *raftlog.Stable, certain, maybe map[string]uint64) error {
	got := contentsOf(s)
	if maps.Equal(got, certain) || maybe != nil && maps.Equal(got, maybe) {
		return nil
	}
	return errors.New("another content than was answered")
}

func TestDamagedStableStoreIsNamed(t *testing.T) {
	d := newDisk(rand.New(rand.NewPCG(1, 12)))
	if _, err := raftlog.OpenStable(d, dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a missing file was made:", err)
	}
	if err := raftlog.CreateStable(d, dir, map[string][]byte{"k": []byte("v")}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "stable")
	content, err := disk.ReadFile(d, path)
	if err != nil {
		t.Fatal(err)
	}
	for at := int64(4096); at < 4096+30; at++ { // only the second slot is written yet
		d.Flip(path, at, 1)
		_, err := raftlog.OpenStable(d, dir)
		d.Flip(path, at, 1)
		var corrupt *raftlog.CorruptError
		if !errors.As(err, &corrupt) || corrupt.File != path {
			t.Fatalf("byte %d of %d: %v", at, len(content), err)
		}
	}
}
