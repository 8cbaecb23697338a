package consensus

import (
	"context"
	"time"
)

// runSync makes the event log durable now and then, so that a restart after a
// power cut has little to fill again.
func (n *Node) runSync() {
	t := time.NewTicker(n.cfg.SyncInterval)
	defer t.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-t.C:
			if err := n.log.Sync(); err != nil {
				n.fail(err)
				return
			}
			n.boundLog()
		}
	}
}

// boundLog keeps Raft's log within its bytes: Raft itself counts entries.
func (n *Node) boundLog() {
	bounds := n.raft.ReloadableConfig()
	keep := n.cfg.TrailingLogs
	if n.store.log.Bytes(0) > n.cfg.TrailingBytes {
		keep = min(keep, n.store.log.Newest(n.cfg.TrailingBytes))
	}
	if keep != bounds.TrailingLogs {
		bounds.TrailingLogs = keep
		if err := n.raft.ReloadConfig(bounds); err != nil {
			n.cfg.Logger.Error("Raft's log cannot be bounded", "error", err)
		}
	}
	if n.store.log.Bytes(n.snapshotted.Load().index+1) < n.cfg.SnapshotBytes {
		return
	}
	if err := n.Snapshot(n.alive); err != nil && n.alive.Err() == nil {
		n.cfg.Logger.Warn("no snapshot could be taken, so Raft's log grows", "error", err)
	}
}

func (n *Node) runDisk() {
	t := time.NewTicker(n.cfg.Disk.Interval)
	defer t.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-t.C:
			n.measureDisk()
			n.giveWayIfFull()
		}
	}
}

// A leader whose disk is full hands over, but not more often than this: all
// disks may be full.
const giveWayEvery = 30 * time.Second

// giveWayIfFull hands the leadership to a node that may have room: a full leader
// refuses all writes.
func (n *Node) giveWayIfFull() {
	if l, _ := n.Leadership(); !l.Leading || !n.Full() || !n.othersVote() || time.Since(n.gaveWay) < giveWayEvery {
		return
	}
	n.gaveWay = time.Now()
	ctx, cancel := context.WithTimeout(n.alive, 2*electionTimeout)
	defer cancel()
	if err := n.TransferLeadership(ctx, ""); err != nil {
		n.cfg.Logger.Warn("nobody takes the leadership over from this node, whose disk is full", "error", err)
	}
}

func (n *Node) measureDisk() {
	free, changed, err := n.disk.measure()
	switch {
	case err != nil:
		n.cfg.Logger.Warn("the disk cannot be measured", "dir", n.cfg.Dir, "error", err)
	case changed && n.disk.full.Load():
		n.cfg.Logger.Error("writes are refused: the disk is too full", "dir", n.cfg.Dir, "free_bytes", free)
	case changed:
		n.cfg.Logger.Info("writes are accepted again: the disk has room", "dir", n.cfg.Dir, "free_bytes", free)
	}
	select {
	case n.roomTick <- struct{}{}:
	default:
	}
}

// measured receives after a measurement of the disk.
func (n *Node) measured() <-chan struct{} { return n.roomTick }
