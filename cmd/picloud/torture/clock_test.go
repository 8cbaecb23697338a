//go:build linux

package torture_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// clockVariable names to a process the file whose first eight bytes are by how many
// seconds its wall clock is off.
const clockVariable = "PICLOUD_TORTURE_CLOCK"

// clockSource is what the program's standard library has more than Go's. Linux has
// one wall clock for all, so a clock that jumps for one process alone is made where
// the process reads it. The product itself knows nothing of this.
const clockSource = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var jump = func() *int64 {
	name, _ := syscall.Getenv("` + clockVariable + `")
	file, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return new(int64)
	}
	defer syscall.Close(file)
	memory, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return new(int64)
	}
	return (*int64)(unsafe.Pointer(&memory[0]))
}()

func jumped(sec int64, nsec int32, mono int64) (int64, int32, int64) {
	if jump != nil {
		sec += atomic.LoadInt64(jump)
	}
	return sec, nsec, mono
}
`

// clockOverlay writes what "go build -overlay" needs for clocks that jump, into a
// directory, and gives its path.
func clockOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", err
	}
	library := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(library, "time.go"))
	if err != nil {
		return "", err
	}
	const reads = "func Now() Time {\n\tsec, nsec, mono := "
	before, after, found := strings.Cut(string(text), reads)
	call, after, whole := strings.Cut(after, "\n")
	if !found || !whole {
		return "", fmt.Errorf("%s reads the clock in another way than this test knows", library)
	}
	changed, added, overlay := filepath.Join(dir, "time.go"), filepath.Join(dir, "jump.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {
		filepath.Join(library, "time.go"): changed, filepath.Join(library, "jump.go"): added,
	}})
	if err != nil {
		return "", err
	}
	for path, content := range map[string]string{changed: before + reads + "jumped(" + call + ")\n" + after, added: clockSource, overlay: string(replace)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	return overlay, nil
}

// step puts the machine's wall clock off by so much. The file keeps its length: who
// maps it must not find it empty.
func (m *machine) step(by time.Duration) error {
	file, err := os.OpenFile(m.clock, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(int64(by/time.Second))), 0)
	return errors.Join(err, file.Close())
}

// clockMost is by how much a clock jumps at most, either way.
const clockMost = 2 * time.Hour

func (x *tormentor) jumpBy() time.Duration {
	return time.Duration(x.chance.Int64N(int64(2*clockMost))) - clockMost
}

// clockJumps sets a node's clock wrong for a while, as a board without a battery
// does until it hears of the time.
func (x *tormentor) clockJumps(ctx context.Context, m *machine) {
	x.must(m.step(x.jumpBy()))
	x.hold(ctx)
	x.must(m.step(0))
}

// clocksDiffer sets each clock wrong by something else, and lets one start so.
func (x *tormentor) clocksDiffer(ctx context.Context) {
	for _, m := range x.machines {
		x.must(m.step(x.jumpBy()))
	}
	x.off(ctx, x.anybody())
	for _, m := range x.machines {
		x.must(m.step(0))
	}
}
