package simtest

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"sync"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
)

const checkpointPath = "state.checkpoint"

// machine is the fold of a node. Its lock is never held over anything that waits.
type machine struct {
	mu sync.Mutex
	v  values
}

var _ consensus.Folder = (*machine)(nil)

// readMachine begins with the checkpoint, if there is one.
func readMachine(fsys disk.FS) (*machine, error) {
	m := &machine{v: newValues()}
	content, err := disk.ReadFile(fsys, checkpointPath)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	return m, json.Unmarshal(content, &m.v)
}

// Position is consensus.Folder's.
func (m *machine) Position() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.v.Position
}

// Fold is consensus.Folder's.
func (m *machine) Fold(b eventlog.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.v.fold(b)
}

// Publish is consensus.Folder's; readers see what is folded.
func (m *machine) Publish(eventlog.Head) {}

// checkpoint is consensus.Config's.
func (m *machine) checkpoint(fsys disk.FS) func(eventlog.Head) func() error {
	return func(eventlog.Head) func() error {
		m.mu.Lock()
		v := m.v.clone()
		m.mu.Unlock()
		return func() error {
			return disk.WriteFile(fsys, checkpointPath, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(v) })
		}
	}
}

// read gives a register and the position at which it says so.
func (m *machine) read(register string) (value string, position uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.v.Registers[register], m.v.Position
}

// about tells what a decision about c needs: its register, and where c took
// effect already; 0 if it did not.
func (m *machine) about(c command) (value string, setAt, receipt uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.v.Registers[c.Register], m.v.SetAt[c.Register], m.v.Receipts[c.Key]
}

// state is what is folded now.
func (m *machine) state() values {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.v.clone()
}
