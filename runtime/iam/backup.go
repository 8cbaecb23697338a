package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Backup is all generations of the master key, in the clear: without them
// nothing that a restored log holds sealed would ever open. It belongs into an
// encrypted backup and nowhere else.
func (v *Vault) Backup() ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(); err != nil {
		return nil, err
	}
	return json.Marshal(v.keys)
}

// Restore is the command that wraps what Backup gave for the first node of a
// cluster that is restored, so that its vault opens what the log holds.
func Restore(i *Identity, node base.Ref, backup []byte) (domain.Command, error) {
	var keys map[int][]byte
	if err := json.Unmarshal(backup, &keys); err != nil || len(keys) == 0 {
		return nil, errors.New("the backup holds no master key of a cluster") // the error would show a part of it
	}
	status := domain.KeyringStatus{Fingerprint: i.ID(), WrapKey: i.WrapKey(), Generations: map[string]string{}}
	for _, generation := range slices.Sorted(maps.Keys(keys)) {
		if len(keys[generation]) != KeySize || generation < 1 || generation > generationsMax {
			return nil, fmt.Errorf("generation %d of the master key in the backup is damaged", generation)
		}
		wrapped, err := wrapFor(i.ID(), i.WrapKey(), generation, keys[generation])
		if err != nil {
			return nil, err
		}
		status.Generations[fmt.Sprint(generation)] = wrapped
	}
	return &domain.ObserveKeyring{Ref: keyringOf(node), Status: status}, nil
}
