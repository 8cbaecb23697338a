package simtest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/picloud/picloud/runtime/eventlog"
)

// command is what a client asks for: to set a register, under an idempotency
// key; when Conditional, only if the register was last set at the position If.
type command struct {
	Key         string `json:"key"`
	Register    string `json:"register"`
	Value       string `json:"value"`
	Events      int    `json:"events"`
	Conditional bool   `json:"conditional,omitzero"`
	If          uint64 `json:"if,omitzero"`
}

// payload is what a batch carries: the command and what it was decided on.
type payload struct {
	command
	Term  uint64 `json:"term"`
	Basis uint64 `json:"basis"`
}

func decodePayload(b []byte) (p payload, err error) {
	err = json.Unmarshal(b, &p)
	return p, err
}

// values is what the log says, folded.
type values struct {
	Position  uint64            `json:"position"`
	Registers map[string]string `json:"registers"`
	SetAt     map[string]uint64 `json:"setAt"`
	Receipts  map[string]uint64 `json:"receipts"` // position by key
	Effects   map[string]int    `json:"effects"`  // how often each key took effect
}

func newValues() values {
	return values{Registers: map[string]string{}, SetAt: map[string]uint64{}, Receipts: map[string]uint64{}, Effects: map[string]int{}}
}

func (v values) clone() values {
	return values{v.Position, maps.Clone(v.Registers), maps.Clone(v.SetAt), maps.Clone(v.Receipts), maps.Clone(v.Effects)}
}

// fold takes in a batch.
func (v *values) fold(b eventlog.Batch) error {
	if b.First != v.Position+1 {
		return fmt.Errorf("a batch at position %d is folded after %d", b.First, v.Position)
	}
	p, err := decodePayload(b.Payload)
	if err != nil {
		return fmt.Errorf("position %d: %w", b.First, err)
	}
	v.apply(p.command, b.First, uint64(b.Count))
	return nil
}

func (v *values) apply(c command, first, count uint64) {
	v.Position = first + count - 1
	v.Registers[c.Register], v.SetAt[c.Register] = c.Value, first
	v.Effects[c.Key]++
	if _, there := v.Receipts[c.Key]; !there {
		v.Receipts[c.Key] = first
	}
}

// digest identifies what v says.
func (v values) digest() string {
	h := sha256.New()
	fmt.Fprintln(h, v.Position)
	for _, k := range slices.Sorted(maps.Keys(v.Registers)) {
		fmt.Fprintf(h, "%q %q %d\n", k, v.Registers[k], v.SetAt[k])
	}
	for _, k := range slices.Sorted(maps.Keys(v.Receipts)) {
		fmt.Fprintf(h, "%q %d %d\n", k, v.Receipts[k], v.Effects[k])
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
