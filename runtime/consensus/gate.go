package consensus

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// gateWait is how long a snapshot of the leader waits for the event log, on
// Raft's main loop.
const gateWait = time.Second

// gate lets only those snapshots into the store that stand for what the event log
// holds: Raft would pass over everything up to one, and a restart trusts it. What
// this node takes itself always does; what a leader sends does once somebody has
// fetched what the log lacks.
type gate struct {
	raft.SnapshotStore
	node *Node
}

func (g gate) Create(version raft.SnapshotVersion, index, term uint64, c raft.Configuration, configurationIndex uint64, t raft.Transport) (raft.SnapshotSink, error) {
	sink, err := g.SnapshotStore.Create(version, index, term, c, configurationIndex, t)
	if err != nil {
		return nil, err
	}
	return &gateSink{SnapshotSink: sink, node: g.node, last: entryID{index, term}, configuration: c, since: configurationIndex}, nil
}

type gateSink struct {
	raft.SnapshotSink
	node          *Node
	last          entryID // that it stands for
	configuration raft.Configuration
	since         uint64 // the index that brought it
	content       bytes.Buffer
	ended         bool
}

// Write takes what a snapshot holds.
func (s *gateSink) Write(p []byte) (int, error) {
	if s.content.Len()+len(p) > maxStanding {
		return 0, fmt.Errorf("a Raft snapshot has more than %d bytes", maxStanding)
	}
	s.content.Write(p)
	return s.SnapshotSink.Write(p)
}

// Close lets the snapshot in or refuses it.
func (s *gateSink) Close() error {
	if s.ended {
		return nil
	}
	s.ended = true
	at, err := readStanding(io.NopCloser(&s.content))
	if err == nil {
		err = s.node.awaitLog(at)
	}
	if err == nil {
		err = s.node.log.Sync() // what was fetched may be in memory only, and Raft's log goes
	}
	if err != nil {
		s.node.cfg.Logger.Info("a snapshot is refused", "position", at.Position, "reason", err)
		_ = s.SnapshotSink.Cancel() // nothing of it counts
		return err
	}
	if err := s.SnapshotSink.Close(); err != nil {
		return err
	}
	s.node.configured(s.configuration, s.since)
	s.node.snapshotted.Store(&s.last)
	return nil
}

// Cancel takes back what was written.
func (s *gateSink) Cancel() error {
	if s.ended {
		return nil
	}
	s.ended = true
	return s.SnapshotSink.Cancel()
}

// awaitLog returns nil once the event log holds what at stands for, and says what
// it lacks meanwhile.
func (n *Node) awaitLog(at standing) error {
	err := contains(n.log, at)
	if err == nil || n.log.Head().Position >= at.Position {
		return err
	}
	n.lacks(at.Position)
	ctx, cancel := context.WithTimeout(n.alive, gateWait)
	defer cancel()
	if n.log.Wait(ctx, at.Position) != nil {
		return err
	}
	return contains(n.log, at)
}

// lacks tells the newest position that is missed, to whoever listens.
func (n *Node) lacks(position uint64) {
	for {
		select {
		case n.lacking <- position:
			return
		case <-n.lacking:
		}
	}
}

// Lacking gives positions that a snapshot of the leader stands for and that the
// event log lacks: too much was missed for Raft's log to bring it, so somebody
// has to fetch it from another member and hand it to Accept. The newest counts,
// and it comes again until the log has it.
func (n *Node) Lacking() <-chan uint64 { return n.lacking }
