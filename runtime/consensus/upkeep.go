package consensus

import "time"

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
		}
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
		}
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
