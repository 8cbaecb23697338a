package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

// fetch gives a node that was let in what came before its time: the history, and
// the place in the consensus from which Raft goes on. It begins where an earlier
// start ended.
func (n *Node) fetch(ctx context.Context) error {
	m := n.record.Load()
	if m == nil || m.Seeded {
		return nil
	}
	n.await("this node fetches the history of its cluster")
	at, err := n.standingOfAny(ctx)
	if err != nil {
		return err
	}
	puller := n.puller(func(_ context.Context, index uint64, batches []eventlog.Batch) error {
		_, err := n.log.Append(index, batches)
		return err
	}, nil)
	if err := puller.To(ctx, at.Position); err != nil {
		return fmt.Errorf("fetch the history of the cluster: %w", err)
	}
	if err := consensus.Seed(n.consensusConfig(), n.log, at); err != nil && !errors.Is(err, consensus.ErrFormed) {
		return fmt.Errorf("take a place in the consensus: %w", err)
	}
	seeded := *m
	seeded.Seeded = true
	if err := n.remember(membershipName, seeded); err != nil {
		return err
	}
	n.record.Store(&seeded)
	return nil
}

// puller fetches what the log lacks from other members.
func (n *Node) puller(accept func(context.Context, uint64, []eventlog.Batch) error, settle func()) *catchup.Puller {
	return catchup.New(catchup.Config{
		Client: n.port.Client(), Peers: n.others, Head: n.log.Head, Accept: accept, Settle: settle, Logger: n.cfg.Logger,
	})
}

// refill fetches what Raft cannot bring any more while the node was away.
func (n *Node) refill(ctx context.Context) {
	puller := n.puller(n.consensus.Take, n.consensus.Settle)
	for {
		select {
		case position := <-n.consensus.Lacking():
			if err := puller.To(ctx, position); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Error("what the event log lacks cannot be fetched", "position", position, "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Bounds of asking another node where it stands.
const (
	standingTime  = 10 * time.Second
	standingPause = 200 * time.Millisecond
	standingBytes = 1 << 20
)

// standingOfAny asks the members in turn where they stand, until one says it.
func (n *Node) standingOfAny(ctx context.Context) (consensus.Standing, error) {
	pause := time.NewTicker(standingPause)
	defer pause.Stop()
	for {
		for _, id := range n.others() {
			at, err := n.standingOf(ctx, id)
			if err == nil {
				return at, nil
			}
			n.cfg.Logger.Info("a member does not say where it stands", "member", id, "error", err)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return consensus.Standing{}, context.Cause(ctx)
		}
	}
}

func (n *Node) standingOf(ctx context.Context, id string) (at consensus.Standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, standingTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+id+"/peer/standing", nil)
	if err != nil {
		return at, err
	}
	response, err := n.port.Client().Do(r)
	if err != nil {
		return at, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return at, fmt.Errorf("it answers %s", response.Status)
	}
	err = json.NewDecoder(io.LimitReader(response.Body, standingBytes)).Decode(&at)
	if err == nil && at.Index == 0 {
		err = errors.New("it has nothing to say yet")
	}
	return at, err
}
