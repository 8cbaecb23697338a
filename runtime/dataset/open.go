package dataset

import (
	"errors"
	"io/fs"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/state"
)

// open brings a dataset to where it begins: empty with its resource, or where
// a checkpoint says that it stands, by its image and the log behind that.
func (d *Datasets) open(s *set, first step) error {
	s.store = rdf.NewStore()
	if d.cfg.Dir != "" {
		if err := d.readImage(s); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				d.cfg.Logger.Warn("the image of a dataset cannot be used; folding from the log", "resource", s.ref, "error", err)
			}
			s.store, s.last = rdf.NewStore(), 0
		}
	}
	d.mu.Lock()
	s.saved = s.last
	d.mu.Unlock()
	d.unconclude(s, nil)
	s.quads = int64(s.store.Snapshot().Len())
	switch {
	case s.last >= first.position:
	case s.born == first.position: // nothing is before it
		s.last, s.chain = first.position, first.chain
	default:
		if err := d.catchUp(s, first.position); err != nil {
			return err
		}
	}
	s.inference = first.inference
	d.reason(s, nil)
	return nil
}

// catchUp folds what the log has about a dataset behind its last event, up to a
// position. Before, conclusions are not drawn: they come from what there is at
// the end.
func (d *Datasets) catchUp(s *set, until base.Position) error {
	for batch, err := range d.cfg.Log.Read(uint64(s.last)) {
		if err != nil {
			return err
		}
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if base.Position(batch.First) > until {
			break
		}
		if batch.Dropped { // changes of datasets never are
			continue
		}
		decoded, err := state.DecodeBatch(base.Position(batch.First), base.TimeOf(batch.Time), batch.Payload)
		if err != nil {
			return err
		}
		for _, e := range decoded.Events {
			if e.Subject == s.ref && e.Position > s.last && e.Position <= until {
				d.replay(s, e, batch.Digest)
			}
		}
	}
	return nil
}

// replay folds an event from the log. One without an event before it begins its
// resource, whatever was under that name before.
func (d *Datasets) replay(s *set, e *domain.Event, chain [32]byte) {
	if e.Previous == 0 {
		s.store, s.quads = rdf.NewStore(), 0
	}
	s.last, s.chain, s.fault = e.Position, chain, nil
	if change, ok := e.Payload.(domain.DatasetChange); ok {
		next := step{kind: changed, position: e.Position, chain: chain}
		next.removed, next.added, next.quads = change.Change()
		s.fault = d.change(s, next, &Delta{})
	}
}
