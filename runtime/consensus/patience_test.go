package consensus

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// flaky is a transport that fails as often as it is told, and counts.
type flaky struct {
	*raft.InmemTransport
	fails []error
	sent  int
}

func (f *flaky) send() error {
	f.sent++
	if len(f.fails) == 0 {
		return nil
	}
	err := f.fails[0]
	f.fails = f.fails[1:]
	return err
}

func (f *flaky) AppendEntries(raft.ServerID, raft.ServerAddress, *raft.AppendEntriesRequest, *raft.AppendEntriesResponse) error {
	return f.send()
}

func (f *flaky) RequestVote(raft.ServerID, raft.ServerAddress, *raft.RequestVoteRequest, *raft.RequestVoteResponse) error {
	return f.send()
}

func (f *flaky) RequestPreVote(raft.ServerID, raft.ServerAddress, *raft.RequestPreVoteRequest, *raft.RequestPreVoteResponse) error {
	return f.send()
}

func flakyCarrier(fails ...error) (*carrier, *flaky) {
	_, inner := raft.NewInmemTransport("n1")
	f := &flaky{InmemTransport: inner, fails: fails}
	return newCarrier(f, "n1", func() (uint64, bool) { return 0, false }, func() bool { return false }, func(i uint64) uint64 { return i }), f
}

// A cut ends streams that wait to be used; the next vote is asked over them.
func TestVoteIsAskedAgainOverDeadStreams(t *testing.T) {
	dead := &net.OpError{Op: "write", Err: errors.New("broken pipe")}
	c, f := flakyCarrier(dead, io.EOF, net.ErrClosed)
	if err := c.RequestVote("n2", "n2", &raft.RequestVoteRequest{}, nil); err != nil || f.sent != 4 {
		t.Errorf("asked %d times: %v", f.sent, err)
	}
	c, f = flakyCarrier(dead)
	if err := c.RequestPreVote("n2", "n2", &raft.RequestPreVoteRequest{}, nil); err != nil || f.sent != 2 {
		t.Errorf("a pre-vote was asked %d times: %v", f.sent, err)
	}
	c, f = flakyCarrier(errLabel)
	if err := c.RequestVote("n2", "n2", &raft.RequestVoteRequest{}, nil); !errors.Is(err, errLabel) || f.sent != 1 {
		t.Errorf("an answer was asked for %d times: %v", f.sent, err)
	}
}

// Raft by itself would look again after up to ten seconds.
func TestServerThatIsBackGetsEntriesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, f := flakyCarrier(&net.OpError{Op: "dial", Err: errors.New("no route")})
		c.follows = func(raft.ServerID) bool { return true }
		const away = time.Hour
		go func() {
			<-time.After(away)
			c.contacts.heard("n2", 7)
		}()
		began := time.Now()
		err := c.AppendEntries("n2", "n2", &raft.AppendEntriesRequest{PrevLogEntry: 7}, new(raft.AppendEntriesResponse))
		if took := time.Since(began); err != nil || f.sent != 2 || took > away+2*contactLook {
			t.Errorf("sent %d times, done after %s: %v", f.sent, took, err)
		}
	})
}

func TestNobodyWaitsForAServerThatIsNotFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := &net.OpError{Op: "dial", Err: errors.New("no route")}
		c, f := flakyCarrier(gone, gone)
		began := time.Now()
		c.follows = func(raft.ServerID) bool { return time.Since(began) < time.Minute }
		err := c.AppendEntries("n2", "n2", &raft.AppendEntriesRequest{PrevLogEntry: 7}, new(raft.AppendEntriesResponse))
		if took := time.Since(began); !errors.Is(err, gone) || f.sent != 1 || took > time.Minute+contactFollow {
			t.Errorf("sent %d times, given up after %s: %v", f.sent, took, err)
		}
		if err := c.AppendEntries("n2", "n2", &raft.AppendEntriesRequest{Term: 1}, new(raft.AppendEntriesResponse)); !errors.Is(err, gone) {
			t.Errorf("a heartbeat: %v", err) // Raft counts on hearing of it
		}
	})
}
