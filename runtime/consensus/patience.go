package consensus

import (
	"errors"
	"io"
	"net"
	"slices"
	"time"

	"github.com/hashicorp/raft"
)

const (
	contactLook   = 25 * time.Millisecond  // between two looks whether a server is heard again
	contactFollow = 500 * time.Millisecond // between two looks whether it is still followed
)

// again asks anew where a stream that was kept turns out to be dead, until one is
// made: a candidate that took that for a refusal would wait for the next election.
func again(ask func() error) (err error) {
	for range streamsKept + 1 {
		if err = ask(); err == nil || !broken(err) {
			return err
		}
	}
	return err
}

// broken says that a stream ended, and not that there was none, or an answer.
func broken(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &op) && op.Op != "dial" && !op.Timeout()
}

// isHeartbeat: they go a way of their own, which Raft keeps open.
func isHeartbeat(q *raft.AppendEntriesRequest) bool {
	return q.PrevLogEntry == 0 && q.PrevLogTerm == 0 && len(q.Entries) == 0 && q.LeaderCommitIndex == 0
}

// outlast sends entries to a server, and once more when it is heard after it was
// not. Raft would pause for up to 10 s between two tries, and the longer a server
// was away the longer it would wait for what it missed.
func (c *carrier) outlast(id raft.ServerID, send func() error) error {
	failed := time.Now()
	err := again(send)
	if err != nil && c.await(id, failed) {
		err = again(send)
	}
	return err
}

// await waits until a server has answered since a moment; false if this node does
// not lead it any more.
func (c *carrier) await(id raft.ServerID, since time.Time) bool {
	look, follow := time.NewTicker(contactLook), time.NewTicker(contactFollow)
	defer look.Stop()
	defer follow.Stop()
	for c.contacts.of(Server{ID: string(id)}).LastContact.Before(since) {
		select {
		case <-c.stop:
			return false
		case <-look.C:
		case <-follow.C:
			if !c.follows(id) {
				return false
			}
		}
	}
	return c.follows(id)
}

// isFollowed says that this node leads and the server is of its cluster.
func (c *carrier) isFollowed(id raft.ServerID) bool {
	r := c.raft.Load()
	return r != nil && r.State() == raft.Leader &&
		slices.ContainsFunc(r.GetConfiguration().Configuration().Servers, func(s raft.Server) bool { return s.ID == id })
}
