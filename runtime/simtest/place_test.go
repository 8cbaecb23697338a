package simtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
)

const placePath = "place"

// place is what a node keeps about its part in the consensus beside Raft's store,
// as the platform's nodes do in membership.json: it outlives the store.
type place struct {
	Incarnation uint64 `json:"incarnation"`
	Seeded      bool   `json:"seeded"` // false: it has no part now
}

// errOver is why a start ends that waited for others: the machine went down, or
// the run is over.
var errOver = errors.New("nobody waits for this start any more")

// config is the process's part in the consensus.
func (p *process) config() consensus.Config {
	m := p.m
	return consensus.Config{
		Dir: "raft", FS: p.disk, ID: m.id, Transport: p.transport, Logger: m.logger,
		Checkpoint: p.machine.checkpoint(p.disk), SyncInterval: time.Second, SnapshotInterval: time.Second,
		SnapshotEntries: m.c.s.snapshot, TrailingLogs: m.c.s.retain,
		Disk: consensus.DiskMark{MinFree: 1, Measure: m.measure},
		Now:  func() time.Time { return time.Now().Add(time.Duration(m.skew.Load())) },
	}
}

// join opens the node's part in the consensus, and takes another one if the
// former is lost.
func (p *process) join() (n *consensus.Node, err error) {
	at, member, err := p.place()
	if err != nil {
		return nil, err
	}
	cfg := p.config()
	cfg.Bootstrap = p.m.first && !member
	if !member || at.Seeded {
		if n, err = consensus.Open(cfg, p.log, p.machine); !errors.Is(err, consensus.ErrRaftLost) {
			return n, err
		}
		if !member {
			return nil, fmt.Errorf("before the cluster was founded: %w", err)
		}
		if at, err = p.renew(at); err != nil {
			return nil, err
		}
	}
	lost, err := consensus.IncarnationLost(cfg, at.Incarnation)
	if err != nil {
		return nil, err
	}
	if lost { // again, before it had its part
		if at, err = p.renew(at); err != nil {
			return nil, err
		}
	}
	if err := p.seed(at); err != nil {
		return nil, err
	}
	return consensus.Open(cfg, p.log, p.machine)
}

// renew gives the node its next incarnation, as the platform's nodes do.
func (p *process) renew(at place) (place, error) {
	at.Seeded = false
	if err := p.keep(at); err != nil {
		return at, err
	}
	raftID, err := consensus.Renew(p.config(), at.Incarnation)
	if err != nil {
		return at, err
	}
	at.Incarnation = consensus.IncarnationOf(raftID)
	p.m.c.rec.note("renewed", "%s begins again as %s", p.m.id, raftID)
	return at, p.keep(at)
}

// seed takes a part where another member stands, as soon as one says where.
func (p *process) seed(at place) error {
	for {
		for _, other := range p.m.c.members {
			from := other.running()
			if other == p.m || from == nil || !p.m.c.connected(p.m.id, other.id) {
				continue
			}
			ctx, cancel := context.WithTimeout(from.alive, time.Second)
			standing, err := from.node.Standing(ctx)
			cancel()
			if err != nil || standing.Index == 0 || p.fetch(from, standing.Position) != nil || p.log.Head().Position < standing.Position {
				continue
			}
			if err := consensus.Seed(p.config(), p.log, standing); err != nil && !errors.Is(err, consensus.ErrFormed) {
				return err
			}
			at.Seeded = true
			return p.keep(at)
		}
		select {
		case <-p.ended:
			return errOver
		case <-p.m.c.alive.Done():
			return errOver
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// fetch brings what another member's log has up to a position, before there is a
// part in the consensus.
func (p *process) fetch(from *process, to uint64) error {
	var group []eventlog.Batch
	for b, err := range from.log.Read(p.log.Head().Position) {
		switch {
		case err != nil:
			return err
		case p.host.isGone() || from.host.isGone() || !p.m.c.connected(p.m.id, from.m.id):
			return errOver
		}
		if len(group) > 0 && group[0].Index != b.Index {
			if _, err := p.log.Append(group[0].Index, group); err != nil || p.log.Head().Position >= to {
				return err
			}
			group = nil
			sleep(time.Millisecond)
		}
		group = append(group, b)
	}
	if len(group) == 0 {
		return nil
	}
	_, err := p.log.Append(group[0].Index, group)
	return err
}

// place reads what the node keeps; false while it is no member yet.
func (p *process) place() (at place, member bool, err error) {
	content, err := disk.ReadFile(p.disk, placePath)
	if errors.Is(err, fs.ErrNotExist) {
		return at, false, nil
	}
	if err != nil {
		return at, false, err
	}
	return at, true, json.Unmarshal(content, &at)
}

func (p *process) keep(at place) error {
	return disk.WriteFile(p.disk, placePath, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(at) })
}

// settle makes members for good of the founding nodes: the first batch is in each
// log, durably, before anything goes wrong. So it is with the platform, whose
// joiners begin with what was there before them.
func (c *cluster) settle() bool {
	first := command{Key: "founding", Register: "a", Value: "founded", Events: 1}
	if !c.until(foundingTime, func() bool {
		return c.lead(func(ctx context.Context, p *process) error {
			_, err := p.door.do(ctx, first)
			return err
		})
	}) {
		return false
	}
	for _, m := range c.members[:c.s.nodes] {
		if !c.until(foundingTime, func() bool {
			p := m.running()
			return p != nil && p.log.Head().Position > 0 && p.log.Sync() == nil && p.keep(place{Seeded: true}) == nil
		}) {
			return false
		}
	}
	return true
}

// removeStore is what an owner does who tidies up where nothing was to be tidied:
// all that Raft knew is gone, the node's incarnation too.
func removeStore(d disk.FS) error {
	names, err := d.ReadDir("raft")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		path := filepath.Join("raft", name)
		if _, isFile := d.ReadDir(path); isFile != nil {
			err = errors.Join(err, d.Remove(path))
		} else {
			err = errors.Join(err, disk.RemoveFiles(d, path))
		}
	}
	return errors.Join(err, d.SyncDir("raft"))
}
