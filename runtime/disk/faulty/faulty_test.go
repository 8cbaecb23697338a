package faulty_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/disk/faulty"
)

const size = 8 * 512

func newDisk(t *testing.T, seed uint64) *faulty.Disk {
	t.Helper()
	d := faulty.New(rand.New(rand.NewPCG(seed, 0)))
	if err := d.MkdirAll("dir", 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

func create(t *testing.T, d *faulty.Disk, path string) disk.File {
	t.Helper()
	f, err := d.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, f disk.File, b byte) {
	t.Helper()
	_, err := f.WriteAt(bytes.Repeat([]byte{b}, size), 0)
	must(t, err)
}

func TestPowerCutKeepsWhatWasSyncedAndAnyPartOfTheRest(t *testing.T) {
	whole, lost, torn := 0, 0, 0
	for seed := range uint64(200) {
		d := newDisk(t, seed)
		f := create(t, d, "dir/f")
		write(t, f, 1)
		must(t, f.Sync(), d.SyncDir("dir"))
		write(t, f, 2)
		got, err := disk.ReadFile(d.After(), "dir/f")
		must(t, err)
		ones, twos := bytes.Count(got, []byte{1}), bytes.Count(got, []byte{2})
		switch {
		case ones+twos != size:
			t.Fatalf("seed %d: %d bytes of the old, %d of the new", seed, ones, twos)
		case ones == 0:
			whole++
		case twos == 0:
			lost++
		default:
			torn++
		}
		if _, err := f.WriteAt([]byte{3}, 0); !errors.Is(err, faulty.ErrPower) {
			t.Fatal("a dark disk was written:", err)
		}
	}
	if whole == 0 || lost == 0 || torn == 0 {
		t.Errorf("whole %d, lost %d, torn %d", whole, lost, torn)
	}
}

func TestWritesBecomeDurableInNoOrder(t *testing.T) {
	later := false
	for seed := range uint64(100) {
		d := newDisk(t, seed)
		f := create(t, d, "dir/f")
		write(t, f, 0)
		must(t, f.Sync(), d.SyncDir("dir"))
		for i := range int64(2) {
			_, err := f.WriteAt([]byte{1}, i*512)
			must(t, err)
		}
		got, err := disk.ReadFile(d.After(), "dir/f")
		must(t, err)
		later = later || got[0] == 0 && got[512] == 1
	}
	if !later {
		t.Error("the later write never came alone")
	}
}

func TestNamesNeedTheSyncOfTheirDirectory(t *testing.T) {
	there, gone := 0, 0
	for seed := range uint64(100) {
		d := newDisk(t, seed)
		f := create(t, d, "dir/f")
		write(t, f, 1)
		must(t, f.Sync())
		if ok, err := disk.Exists(d.After(), "dir/f"); err != nil {
			t.Fatal(err)
		} else if ok {
			there++
		} else {
			gone++
		}
	}
	if there == 0 || gone == 0 {
		t.Errorf("there %d, gone %d", there, gone)
	}
}

func TestReplacedFileIsTheOldOrTheNewAfterAPowerCutAtAnyPoint(t *testing.T) {
	put := func(d *faulty.Disk, content string) error {
		return disk.WriteFile(d, "dir/f", 0o600, func(w io.Writer) error {
			_, err := io.WriteString(w, content)
			return err
		})
	}
	seen := map[string]int{}
	for seed := range uint64(100) {
		for at := 1; ; at++ {
			d := newDisk(t, seed)
			must(t, put(d, "old"))
			d.CutAt(at)
			err := put(d, "new")
			got, rerr := disk.ReadFile(d.After(), "dir/f")
			must(t, rerr)
			if s := string(got); s != "new" && (err == nil || s != "old") {
				t.Fatalf("seed %d, cut at %d: %q", seed, at, s)
			}
			seen[string(got)]++
			if err == nil {
				break
			}
		}
	}
	if seen["old"] == 0 || seen["new"] == 0 {
		t.Error(seen)
	}
}

func TestKilledProcessLosesNothingAndWritesNoMore(t *testing.T) {
	d := newDisk(t, 1)
	told := 0
	d.OnCut = func() { told++ }
	f := create(t, d, "dir/f")
	write(t, f, 1)
	after := d.Kill()
	if _, err := f.WriteAt([]byte{2}, 0); !errors.Is(err, faulty.ErrPower) || told != 1 {
		t.Fatal(err, told)
	}
	got, err := disk.ReadFile(after, "dir/f")
	if must(t, err); bytes.Count(got, []byte{1}) != size {
		t.Error("something was lost")
	}
	atRisk := false
	for seed := range uint64(100) {
		d := newDisk(t, seed)
		write(t, create(t, d, "dir/f"), 1)
		ok, err := disk.Exists(d.Kill().After(), "dir/f")
		must(t, err)
		atRisk = atRisk || !ok
	}
	if !atRisk {
		t.Error("the kill made durable what was not synced")
	}
}

func TestFailedChangeMayHaveBeenDone(t *testing.T) {
	done, undone := 0, 0
	for seed := range uint64(50) {
		d := newDisk(t, seed)
		f := create(t, d, "dir/f")
		write(t, f, 1)
		must(t, d.SyncDir("dir"))
		d.FailAt(1, 1)
		if err := f.Sync(); !errors.Is(err, faulty.ErrIO) {
			t.Fatal(err)
		}
		must(t, f.Sync())
		d.FailAt(1, 1)
		if err := d.Remove("dir/f"); !errors.Is(err, faulty.ErrIO) {
			t.Fatal(err)
		}
		if ok, err := disk.Exists(d, "dir/f"); err != nil {
			t.Fatal(err)
		} else if ok {
			undone++
		} else {
			done++
		}
	}
	if done == 0 || undone == 0 {
		t.Error(done, undone)
	}
}

func TestFullDiskTakesWhatFits(t *testing.T) {
	d := newDisk(t, 1)
	d.SetCapacity(size + 100)
	f := create(t, d, "dir/f")
	write(t, f, 1)
	n, err := f.WriteAt(make([]byte, 200), size)
	if !errors.Is(err, syscall.ENOSPC) || n != 100 || d.Used() != size+100 {
		t.Error(n, err, d.Used())
	}
	write(t, f, 2) // over what is there
}

func TestStalledDiskTakesItsTimeOnVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t, 1)
		d.Stall = func(faulty.Op, string) time.Duration { return time.Minute }
		begun := time.Now()
		f := create(t, d, "dir/f")
		must(t, f.Sync())
		if waited := time.Since(begun); waited != 2*time.Minute {
			t.Error(waited)
		}
	})
}

func TestMissingIsNamed(t *testing.T) {
	d := newDisk(t, 1)
	_, err1 := d.OpenFile("dir/f", os.O_RDONLY, 0)
	_, err2 := d.OpenFile("other/f", os.O_CREATE, 0)
	_, err3 := d.ReadDir("other")
	for _, err := range []error{err1, err2, err3, d.Remove("dir/f"), d.Rename("dir/f", "dir/g"), d.SyncDir("other")} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	}
}
