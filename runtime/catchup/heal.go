package catchup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Heal reads a log and fetches from peers, one after the other, the segments that
// are damaged. An error says what is still damaged and what each peer said.
func (p *Puller) Heal(ctx context.Context, log *eventlog.Log) error {
	var failed []error
	fetched := false
	peers := p.cfg.Peers()
	if len(peers) == 0 {
		peers = []string{""} // the log is read all the same
	}
	for _, peer := range peers {
		healed, err := log.Heal(ctx, func(ctx context.Context, after eventlog.Head, until uint64) (io.ReadCloser, error) {
			fetched = true
			if peer == "" {
				return nil, errors.New("there is no other member to fetch it from")
			}
			return p.patient(ctx, peer, after, until)
		})
		if len(healed) > 0 {
			p.cfg.Logger.Warn("damaged parts of the event log were fetched again", "peer", peer, "files", strings.Join(healed, ", "))
		}
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !fetched: // not a sealed segment, or the disk itself
			return err
		}
		failed = append(failed, fmt.Errorf("%s: %w", cmp.Or(peer, "this node alone"), err))
	}
	return errors.Join(failed...)
}

// patient is the answer of a peer, as long as bytes come.
func (p *Puller) patient(ctx context.Context, peer string, after eventlog.Head, until uint64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	idle := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing came for %s", stall)) })
	body, err := p.ask(ctx, peer, after, until)
	if err != nil {
		idle.Stop()
		cancel(nil)
		return nil, because(ctx, err)
	}
	return &patience{lively{body, idle, &p.bytes}, body, cancel}, nil
}

type patience struct {
	lively
	body   io.Closer
	cancel context.CancelCauseFunc
}

func (b *patience) Close() error {
	b.idle.Stop()
	b.cancel(nil)
	return b.body.Close()
}

// scrub is how often a log is read whole, so that damage is found while others
// still have what it was.
const scrub = 7 * 24 * time.Hour

// mendPause is how long nothing is tried after nobody could help.
const mendPause = time.Minute

// Mend heals a log whenever a reader meets damage, and looks for damage itself once
// a week, until ctx ends.
func (p *Puller) Mend(ctx context.Context, log *eventlog.Log) {
	again := time.NewTicker(scrub)
	defer again.Stop()
	for {
		select {
		case <-log.Damaged():
		case <-again.C:
		case <-ctx.Done():
			return
		}
		for {
			err := p.Heal(ctx, log)
			if err == nil || ctx.Err() != nil || errors.Is(err, eventlog.ErrClosed) {
				break
			}
			p.cfg.Logger.Error("the event log is damaged", "error", err)
			select {
			case <-time.After(mendPause): // whatever readers say meanwhile
			case <-ctx.Done():
				return
			}
		}
		select { // what healing itself met
		case <-log.Damaged():
		default:
		}
	}
}
