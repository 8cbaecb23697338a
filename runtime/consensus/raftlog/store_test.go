package raftlog_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/picloud/picloud/runtime/consensus/raftlog"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A random schedule of everything, on a healthy disk, against the model.
func TestStoreIsItsModel(t *testing.T) {
	for seed := range seeds() * 10 {
		p := &player{r: rand.New(rand.NewPCG(seed, 4))}
		p.d = newDisk(p.r)
		err := p.open()
		for i := 0; err == nil && i < 150; i++ {
			err = p.step()
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if names, err := p.d.ReadDir(dir); err != nil || len(names) > 2+len(p.m.certain) {
			t.Errorf("seed %d: %d segments for %d entries, %v", seed, len(names), len(p.m.certain), err)
		}
	}
}

// written is a disk with several segments, closed, and what they hold.
func written(t *testing.T, closed bool) (*faulty.Disk, []raft.Log) {
	t.Helper()
	p := &player{r: rand.New(rand.NewPCG(3, 5))}
	p.d = newDisk(p.r)
	if err := p.open(); err != nil {
		t.Fatal(err)
	}
	for range 14 {
		if err := p.store(); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(p.deleteTail(), p.store(), p.deleteHead(), p.store(), p.store()); err != nil {
		t.Fatal(err)
	}
	if closed {
		if err := p.s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := p.d.ReadDir(dir); err != nil || len(names) < 3 {
		t.Fatalf("only %d segments, %v", len(names), err)
	}
	return p.d, p.m.certain
}

// After an orderly end any changed byte is found, or changes nothing.
func TestEveryDamagedByteIsFoundOrHarmless(t *testing.T) {
	d, want := written(t, true)
	found := 0
	step := int64(11)
	if os.Getenv("PICLOUD_LONG") == "1" {
		step = 1
	}
	for path, size := range sizes(t, d) {
		for at := int64(0); at < size; at += step {
			d.Flip(path, at, 0x40)
			err := readAll(d, want)
			d.Flip(path, at, 0x40)
			var corrupt *raftlog.CorruptError
			switch {
			case errors.As(err, &corrupt):
				found++
				if corrupt.File != path || corrupt.Offset > at {
					t.Fatalf("byte %d of %s was damaged, the error is %v", at, path, err)
				}
			case err != nil:
				t.Fatalf("byte %d of %s: %v", at, path, err)
			}
		}
	}
	if found < 5000/int(step) {
		t.Errorf("only %d damages were found", found)
	}
}

// readAll opens a copy of d and compares it; the copy takes the recovery.
func readAll(d *faulty.Disk, want []raft.Log) error {
	s, err := raftlog.Open(config(d.Copy()))
	if err != nil {
		return err
	}
	if diff := same(s, want); diff != "" {
		return errors.New(diff)
	}
	return s.Close()
}

// sizes are those of all files, by path.
func sizes(t *testing.T, d *faulty.Disk) map[string]int64 {
	t.Helper()
	names, err := d.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]int64{}
	for _, name := range names {
		content, err := disk.ReadFile(d, filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		of[filepath.Join(dir, name)] = int64(len(content))
	}
	return of
}

// Without an orderly end only the last write may pass for interrupted.
func TestDamageBeforeTheLastWriteIsNamed(t *testing.T) {
	d, want := written(t, false)
	paths, _ := d.ReadDir(dir)
	d.Flip(filepath.Join(dir, paths[len(paths)-1]), 70, 1) // in the first record of the segment
	var corrupt *raftlog.CorruptError
	if err := readAll(d, want); !errors.As(err, &corrupt) || corrupt.Offset != 64 || !strings.HasSuffix(corrupt.File, paths[len(paths)-1]) {
		t.Fatal(err)
	}
}

// A write of three is interrupted in its first record. What it left behind must
// not come back behind a later record that happens to be as long as the first,
// not even if the power goes while that one is written.
func TestWhatWasCutStaysAway(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 6))
		d := newDisk(r)
		p := &player{r: r, d: d}
		data := make([]byte, 700)
		first := &raft.Log{Index: 1, Term: 2, Data: data}
		m := model{also: [][]raft.Log{{*first}}}
		if err := p.open(); err != nil {
			t.Fatal(err)
		}
		if err := p.s.StoreLogs([]*raft.Log{{Index: 1, Term: 1, Data: data}, {Index: 2, Term: 1, Data: data}, {Index: 3, Term: 1, Data: data}}); err != nil {
			t.Fatal(err)
		}
		d.Flip(filepath.Join(dir, "raft-00000000000000000001.seg"), 70, 1)
		if err := p.open(); err != nil || !p.s.Recovered().Cut() {
			t.Fatal("the torn write was not cut and told:", err)
		}
		d.CutAt(1 + r.IntN(4))
		if err := p.s.StoreLog(first); err == nil {
			m = settle([]raft.Log{*first})
		}
		p.m, p.d = m, d.After()
		if err := p.open(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestMissingSegmentIsNamed(t *testing.T) {
	d, want := written(t, true)
	paths, _ := d.ReadDir(dir)
	for _, name := range paths[:len(paths)-1] {
		c := d.Copy()
		if err := c.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := readAll(c, want); !errors.Is(err, raftlog.ErrCorrupt) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestGapsAreRefused(t *testing.T) {
	s, err := raftlog.Open(raftlog.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.StoreLogs([]*raft.Log{{Index: 5}, {Index: 6}, {Index: 7}}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"a gap behind":   s.StoreLog(&raft.Log{Index: 9}),
		"a second 7":     s.StoreLog(&raft.Log{Index: 7}),
		"a gap within":   s.StoreLogs([]*raft.Log{{Index: 8}, {Index: 10}}),
		"index 0":        s.StoreLog(&raft.Log{}),
		"a hole":         s.DeleteRange(6, 6),
		"an entry giant": s.StoreLog(&raft.Log{Index: 8, Data: make([]byte, raftlog.MaxEntry+1)}),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if last, err := s.LastIndex(); last != 7 || err != nil || !s.IsMonotonic() {
		t.Error(last, err)
	}
}

func TestClosedStoreRefuses(t *testing.T) {
	s, err := raftlog.Open(raftlog.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, err1 := s.LastIndex()
	for _, err := range []error{s.StoreLog(&raft.Log{Index: 1}), s.DeleteRange(1, 1), s.GetLog(1, &raft.Log{}), err1} {
		if !errors.Is(err, raftlog.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestReadersMeetWritersUnharmed(t *testing.T) {
	s, err := raftlog.Open(raftlog.Config{Dir: t.TempDir(), SegmentBytes: 4096, RoomBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				last, err := s.LastIndex()
				if err != nil {
					t.Error(err)
					return
				}
				var l raft.Log
				if err := s.GetLog(last, &l); err != nil && !errors.Is(err, raft.ErrLogNotFound) || err == nil && string(l.Data) != fmt.Sprint(last) {
					t.Error(last, l, err)
					return
				}
			}
		})
	}
	for i := uint64(1); i < 100; i++ {
		err := s.StoreLog(&raft.Log{Index: i, Data: fmt.Append(nil, i)})
		if i%20 == 0 {
			err = errors.Join(err, s.DeleteRange(0, i-10))
		}
		if err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	readers.Wait()
}

// Whatever stands in a file, opening it gives an error or a log that works.
func FuzzOpen(f *testing.F) {
	name := "raft-00000000000000000001.seg"
	for _, closed := range []bool{true, false} {
		p := &player{r: rand.New(rand.NewPCG(3, 5))}
		p.d = newDisk(p.r)
		if err := errors.Join(p.open(), p.store(), p.store(), p.deleteHead(), p.store()); err != nil {
			f.Fatal(err)
		}
		if closed {
			if err := p.s.Close(); err != nil {
				f.Fatal(err)
			}
		}
		whole, err := disk.ReadFile(p.d, filepath.Join(dir, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(whole, uint16(0), byte(0))
		f.Add(whole[:700], uint16(100), byte(1))
	}
	f.Add([]byte(nil), uint16(0), byte(0))
	f.Fuzz(func(t *testing.T, content []byte, at uint16, change byte) {
		content = slices.Clone(content)
		if int(at) < len(content) {
			content[at] ^= change
		}
		d := newDisk(rand.New(rand.NewPCG(1, 7)))
		err := disk.WriteFile(d, filepath.Join(dir, name), 0o600, func(w io.Writer) error {
			_, err := w.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg := config(d)
		s, err := raftlog.Open(cfg)
		if err != nil {
			return
		}
		kept := contents(t, s)
		l := &raft.Log{Index: 1, Data: []byte("more")}
		if n := len(kept); n > 0 {
			l.Index = kept[n-1].Index + 1
		}
		if err := errors.Join(s.StoreLog(l), s.Close()); err != nil {
			t.Fatal(err)
		}
		if s, err = raftlog.Open(cfg); err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if diff := same(s, append(kept, *l)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// contents reads all that counts.
func contents(t *testing.T, s *raftlog.Store) (logs []raft.Log) {
	first, err1 := s.FirstIndex()
	last, err2 := s.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for i := first; i > 0 && i <= last; i++ {
		var l raft.Log
		if err := s.GetLog(i, &l); err != nil {
			t.Fatal(err)
		}
		logs = append(logs, l)
	}
	return logs
}
