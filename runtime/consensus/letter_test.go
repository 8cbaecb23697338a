package consensus_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// lone is the node n2 of a cluster of n1 and n2, which begins at a snapshot, and a
// hand that writes to it as others do.
type lone struct {
	disk *faulty.Disk
	log  *eventlog.Log
	node *consensus.Node
	hand *raft.InmemTransport
}

// snapshotAt is the last entry that the snapshot of a lone node stands for.
const snapshotAt, snapshotTerm = 5, 2

func newLone(t *testing.T, seed uint64) *lone {
	t.Helper()
	l := &lone{disk: faulty.New(rand.New(rand.NewPCG(seed, 1)))}
	t.Cleanup(func() { l.close() })
	l.open(t, func(cfg consensus.Config) error {
		return consensus.Seed(cfg, l.log, consensus.Standing{
			Index: snapshotAt, Term: snapshotTerm, ConfigurationIndex: 1,
			Configuration: []consensus.Server{{ID: "n1", Voter: true}, {ID: "n2", Voter: true}},
		})
	})
	return l
}

func (l *lone) open(t *testing.T, prepare func(consensus.Config) error) {
	t.Helper()
	var err error
	if l.log, err = eventlog.Open(eventlog.Config{Dir: "events", FS: l.disk}); err != nil {
		t.Fatal(err)
	}
	_, own := raft.NewInmemTransportWithTimeout("n2", time.Minute)
	_, l.hand = raft.NewInmemTransportWithTimeout("n1", time.Minute)
	l.hand.Connect("n2", own)
	cfg := consensus.Config{Dir: "raft", FS: l.disk, ID: "n2", Transport: own}
	if err := prepare(cfg); err != nil {
		t.Fatal(err)
	}
	if l.node, err = consensus.Open(cfg, l.log, &fold{}); err != nil {
		t.Fatal(err)
	}
}

func (l *lone) close() { _ = errors.Join(l.node.Close(), l.log.Close()) } // its disk may be dark

// restart cuts the power and opens the node again on what the disk kept.
func (l *lone) restart(t *testing.T) {
	t.Helper()
	l.disk.Cut()
	l.close()
	l.disk = l.disk.After()
	l.open(t, func(consensus.Config) error { return nil })
}

// send sends entries of a term, with nothing in them, that follow what the snapshot
// stands for, if that has the term after.
func (l *lone) send(to string, term, after uint64, terms ...uint64) (taken bool, err error) {
	q := &raft.AppendEntriesRequest{
		RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n1\x00" + to + "\x000"), Addr: []byte("n1")},
		Term:      term, PrevLogEntry: snapshotAt, PrevLogTerm: after,
	}
	for i, term := range terms {
		q.Entries = append(q.Entries, &raft.Log{Index: snapshotAt + 1 + uint64(i), Term: term, Type: raft.LogNoop})
	}
	a := &raft.AppendEntriesResponse{}
	err = l.hand.AppendEntries("n2", "n2", q, a)
	return a.Success, err
}

// A leader that got no answer sends the same again, and a new one sends others.
func TestWhatFollowsASnapshotIsTakenAgain(t *testing.T) {
	l := newLone(t, 1)
	for _, c := range []struct {
		what  string
		term  uint64 // of the leader
		terms []uint64
	}{
		{"the first entry", 3, []uint64{3}},
		{"the same again", 3, []uint64{3}},
		{"that and another", 3, []uint64{3, 3}},
		{"a new leader's own", 4, []uint64{4}},
		{"none", 4, nil},
	} {
		if taken, err := l.send("n2", c.term, snapshotTerm, c.terms...); err != nil || !taken {
			t.Errorf("%s: refused, %v", c.what, err)
		}
	}
	if taken, err := l.send("n2", 4, snapshotTerm+1, 4); err != nil || taken {
		t.Errorf("entries after another entry than that of the snapshot: taken %t, %v", taken, err)
	}
}

// A node that lost its Raft store acknowledges nothing in its predecessor's place:
// it does not know by whose vote the leader that asks was deposed.
func TestEntriesForAFormerIncarnationAreRefused(t *testing.T) {
	l := newLone(t, 1)
	if taken, err := l.send("n2/1", 3, snapshotTerm, 3); err == nil || !strings.Contains(err.Error(), "incarnation") {
		t.Errorf("taken %t, %v", taken, err)
	}
}

// Who was away while a node got its vote does not know of it, and elects it all the
// same when no leader is there: else neither could ever lead.
func TestVoterThatIsNotKnownHereIsElected(t *testing.T) {
	l := newLone(t, 1)
	header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("n3/1\x00n2\x000"), Addr: []byte("n3")}
	ahead := &raft.RequestPreVoteRequest{RPCHeader: header, Term: 3, LastLogIndex: snapshotAt + 1, LastLogTerm: snapshotTerm}
	pre := &raft.RequestPreVoteResponse{}
	if err := l.hand.RequestPreVote("n2", "n2", ahead, pre); err != nil || !pre.Granted {
		t.Errorf("asked before: %t, %v", pre.Granted, err)
	}
	behind, vote := &raft.RequestVoteRequest{RPCHeader: header, Term: 3, LastLogIndex: snapshotAt - 1, LastLogTerm: snapshotTerm}, &raft.RequestVoteResponse{}
	if err := l.hand.RequestVote("n2", "n2", behind, vote); err != nil || vote.Granted {
		t.Errorf("without what is committed: %t, %v", vote.Granted, err)
	}
	full := &raft.RequestVoteRequest{RPCHeader: header, Term: 4, LastLogIndex: snapshotAt, LastLogTerm: snapshotTerm}
	if err := l.hand.RequestVote("n2", "n2", full, vote); err != nil || !vote.Granted {
		t.Errorf("the vote: %t, %v", vote.Granted, err)
	}
}

// A vote is kept through the loss of power: nobody else gets one in that term.
func TestVoteIsKept(t *testing.T) {
	for seed := range uint64(8) { // what a disk forgets is by chance
		voteIsKept(t, newLone(t, seed))
	}
}

func voteIsKept(t *testing.T, l *lone) {
	t.Helper()
	asks := func(who string, term uint64) bool {
		t.Helper()
		q := &raft.RequestVoteRequest{
			RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(who + "\x00n2\x000"), Addr: []byte(who)},
			Term:      term, LastLogIndex: snapshotAt, LastLogTerm: snapshotTerm,
		}
		a := &raft.RequestVoteResponse{}
		if err := l.hand.RequestVote("n2", "n2", q, a); err != nil {
			t.Fatal(err)
		}
		return a.Granted
	}
	if !asks("n1", 4) {
		t.Fatal("it gives no vote")
	}
	l.restart(t)
	if asks("n3", 4) {
		t.Error("it voted twice in a term")
	}
	if !asks("n1", 4) {
		t.Error("it does not know whom it voted for")
	}
	if !asks("n3", 5) {
		t.Error("it does not vote in another term")
	}
}
