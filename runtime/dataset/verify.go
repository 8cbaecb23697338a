package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/picloud/picloud/gen/base"
)

// Standing is every dataset, each at a position of its own.
type Standing map[base.Ref]View

// Standing gives every dataset, with all in it that was folded before the call.
func (d *Datasets) Standing(ctx context.Context) (Standing, error) {
	d.mu.Lock()
	head := d.head
	d.mu.Unlock()
	all := Standing{}
	for _, ref := range d.Refs() {
		view, err := d.View(ctx, ref, head)
		if errors.Is(err, ErrNone) { // it ended meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		all[ref] = view
	}
	return all, nil
}

// Last is the position of the last event in any of them.
func (s Standing) Last() (last base.Position) {
	for _, view := range s {
		last = max(last, view.Last)
	}
	return last
}

// Sum is the digest that equal datasets share.
func (s Standing) Sum() (sum [32]byte) {
	hash := sha256.New()
	for _, ref := range slices.Sorted(maps.Keys(s)) {
		digest := s[ref].Graph.Digest()
		for _, part := range [][]byte{binary.BigEndian.AppendUint64(nil, uint64(len(ref))), []byte(ref), binary.BigEndian.AppendUint64(nil, uint64(s[ref].Last)), digest[:]} {
			hash.Write(part) // a hash has no errors
		}
	}
	hash.Sum(sum[:0])
	return sum
}

// Shadow makes datasets that hold nothing and will take in the log from its
// beginning, each dataset as far as it stands: what is compared must be at one
// position, while the live ones go on.
func (d *Datasets) Shadow(s Standing) (*Datasets, error) {
	cfg := d.cfg
	cfg.Dir, cfg.until = "", map[base.Ref]base.Position{}
	for ref, view := range s {
		cfg.until[ref] = view.Last
	}
	return New(cfg)
}
