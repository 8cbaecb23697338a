package simtest

import (
	"fmt"
	"maps"
)

// folded gives what the log says at each position that ends a batch.
type folded struct {
	digest map[uint64]string
	values map[uint64]map[string]string // registers
	setAt  map[uint64]map[string]uint64
}

func (h *history) folded() folded {
	f := folded{map[uint64]string{}, map[uint64]map[string]string{}, map[uint64]map[string]uint64{}}
	v := newValues()
	wanted := map[uint64]bool{}
	for _, s := range h.states {
		wanted[s.position] = true
	}
	for i, log := 0, h.reference(); ; i++ {
		if wanted[v.Position] {
			f.digest[v.Position] = v.digest()
		}
		f.values[v.Position], f.setAt[v.Position] = maps.Clone(v.Registers), maps.Clone(v.SetAt)
		if i == len(log) {
			return f
		}
		v.apply(log[i].payload.command, log[i].first, log[i].count)
	}
}

// checkState: what a node's fold says, and what it shows to readers, is the fold
// of the log up to the position that it tells.
func checkState(h *history) error {
	f := h.folded()
	for _, s := range h.states {
		if f.digest[s.position] != s.digest {
			return fmt.Errorf("the state of %s at position %d has digest %s, the log folded has %q", s.node, s.position, s.digest, f.digest[s.position])
		}
	}
	for _, o := range h.ops {
		if o.outcome != outcomeOK || o.kind == opWrite {
			continue
		}
		registers, there := f.values[o.position]
		if !there {
			return fmt.Errorf("%s: no batch ends there", o)
		}
		if registers[o.command.Register] != o.value {
			return fmt.Errorf("%s: the log says %q", o, registers[o.command.Register])
		}
	}
	return nil
}
