package consensus

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

const (
	// dialTimeout bounds the making of a stream, messageTimeout each message on it.
	dialTimeout    = 2 * time.Second
	messageTimeout = 10 * time.Second
	// streamsKept is how many idle streams stay open for each peer.
	streamsKept = 3
)

// NewTransport carries Raft over streams. Addresses are IDs of nodes: the stream
// layer knows where those are, and lets in only members. The caller closes it
// (it is an io.Closer), after the node. A nil logger discards.
func NewTransport(streams raft.StreamLayer, logger *slog.Logger) raft.Transport {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: bounded{streams}, Logger: raftLogger(logger), MaxPool: streamsKept, Timeout: messageTimeout,
		MsgpackUseNewTimeFormat: true,
		// No pipelining: what it sends after a refusal may wait for ever for an answer,
		// while heartbeats go on, so that nobody ever replaces the leader.
		MaxRPCsInFlight: 1,
	})
}

// bounded are streams within bounds of time and bytes.
type bounded struct{ raft.StreamLayer }

// Dial gives up sooner than a message: a peer that is gone must not hold up
// heartbeats after it has come back.
func (b bounded) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return b.StreamLayer.Dial(to, min(timeout, dialTimeout))
}

// Accept bounds what a peer may send at once.
func (b bounded) Accept() (net.Conn, error) {
	conn, err := b.StreamLayer.Accept()
	if err != nil {
		return nil, err
	}
	return &incoming{Conn: conn}, nil
}

// incoming is a stream on which requests are answered one after the other.
type incoming struct {
	net.Conn
	unanswered int64 // bytes; Raft's transport reads and writes on one goroutine
	messages   messages
}

// maxRequest bounds a request in bytes: the largest batch, and what goes with it.
const maxRequest = MaxBatch + 8<<20

var errRequest = fmt.Errorf("a message has more than %d bytes", maxRequest)

func (c *incoming) Read(p []byte) (int, error) {
	if c.unanswered >= maxRequest {
		return 0, errRequest
	}
	n, err := c.Conn.Read(p)
	c.unanswered += int64(n)
	if wrong := c.messages.take(p[:n]); wrong != nil {
		return 0, wrong
	}
	return n, err
}

func (c *incoming) Write(p []byte) (int, error) {
	c.unanswered = 0
	return c.Conn.Write(p)
}

// carrier stands between Raft and its transport: it says in each message whom
// it is for, refuses what is not for this node, and remembers who answered.
type carrier struct {
	raft.Transport
	id       raft.ServerID
	history  func() (generation uint64, empty bool) // of the event log
	silent   func() bool                            // whether nothing may be sent that keeps a leader in office
	settled  func(uint64) uint64                    // the last durable entry up to an index
	holds    func(*raft.InstallSnapshotRequest) bool
	rpcs     chan raft.RPC
	contacts contacts
	stop     <-chan struct{}
	raft     atomic.Pointer[raft.Raft] // nil until it runs
	follows  func(raft.ServerID) bool  // isFollowed
}

// newCarrier is for a node with this Raft id; see carrier's fields.
func newCarrier(t raft.Transport, raftID string, history func() (uint64, bool), silent func() bool, settled func(uint64) uint64) *carrier {
	if t == nil {
		_, t = raft.NewInmemTransport(addressOf(raftID))
	}
	c := &carrier{Transport: t, id: raft.ServerID(raftID), history: history, silent: silent, settled: settled, rpcs: make(chan raft.RPC)}
	c.follows = c.isFollowed
	return c
}

// LocalAddr is the node's ID.
func (c *carrier) LocalAddr() raft.ServerAddress { return addressOf(string(c.id)) }

// Consumer gives Raft what comes from others and what this node says to itself.
func (c *carrier) Consumer() <-chan raft.RPC { return c.rpcs }

// SetHeartbeatHandler takes the way of heartbeats past Raft's main loop.
func (c *carrier) SetHeartbeatHandler(handle func(raft.RPC)) {
	c.Transport.SetHeartbeatHandler(func(rpc raft.RPC) {
		if err := c.admit(rpc.Command); err != nil {
			refuse(rpc, err)
			return
		}
		handle(rpc)
	})
}

// AppendEntries also is the heartbeat, and so tells who is there.
func (c *carrier) AppendEntries(id raft.ServerID, to raft.ServerAddress, q *raft.AppendEntriesRequest, a *raft.AppendEntriesResponse) error {
	if c.silent() {
		return errHangs
	}
	labelled := c.entries(id, q)
	send := func() error { return c.Transport.AppendEntries(id, to, labelled, a) }
	var err error
	if isHeartbeat(q) {
		err = send() // Raft repeats it soon
	} else {
		err = c.outlast(id, send)
	}
	if err == nil {
		c.contacts.heard(id, a.LastLog)
	}
	return err
}

// entries labels a request, takes from it what is too much for a message (Raft goes
// on after the last entry that is left in it), and calls nothing committed that is
// not durable here.
func (c *carrier) entries(id raft.ServerID, q *raft.AppendEntriesRequest) *raft.AppendEntriesRequest {
	size := 0
	for i, l := range q.Entries {
		if size += len(l.Data) + len(l.Extensions); i > 0 && size > MaxMessage {
			q.Entries = q.Entries[:i]
			break
		}
	}
	q2 := *q // heartbeats use theirs again
	q2.RPCHeader = c.label(q.RPCHeader, id)
	q2.LeaderCommitIndex = c.settled(q.LeaderCommitIndex)
	return &q2
}

// AppendEntriesPipeline is AppendEntries that does not wait for the answer.
func (c *carrier) AppendEntriesPipeline(id raft.ServerID, to raft.ServerAddress) (raft.AppendPipeline, error) {
	p, err := c.Transport.AppendEntriesPipeline(id, to)
	if err != nil {
		return nil, err
	}
	return pipeline{p, c, id}, nil
}

type pipeline struct {
	raft.AppendPipeline
	c  *carrier
	id raft.ServerID
}

func (p pipeline) AppendEntries(q *raft.AppendEntriesRequest, a *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	if p.c.silent() {
		return nil, errHangs
	}
	return p.AppendPipeline.AppendEntries(p.c.entries(p.id, q), a)
}

// RequestVote asks id for its vote.
func (c *carrier) RequestVote(id raft.ServerID, to raft.ServerAddress, q *raft.RequestVoteRequest, a *raft.RequestVoteResponse) error {
	q2 := *q // shared by all that are asked
	q2.RPCHeader = c.label(q.RPCHeader, id)
	return again(func() error { return c.Transport.RequestVote(id, to, &q2, a) })
}

// RequestPreVote asks id whether it would vote.
func (c *carrier) RequestPreVote(id raft.ServerID, to raft.ServerAddress, q *raft.RequestPreVoteRequest, a *raft.RequestPreVoteResponse) error {
	q2 := *q
	q2.RPCHeader = c.label(q.RPCHeader, id)
	return again(func() error { return c.Transport.(raft.WithPreVote).RequestPreVote(id, to, &q2, a) })
}

// InstallSnapshot tells id what a snapshot stands for.
func (c *carrier) InstallSnapshot(id raft.ServerID, to raft.ServerAddress, q *raft.InstallSnapshotRequest, a *raft.InstallSnapshotResponse, data io.Reader) error {
	q2 := *q
	q2.RPCHeader = c.label(q.RPCHeader, id)
	return c.Transport.InstallSnapshot(id, to, &q2, a, data)
}

// TimeoutNow hands the leadership to id.
func (c *carrier) TimeoutNow(id raft.ServerID, to raft.ServerAddress, q *raft.TimeoutNowRequest, a *raft.TimeoutNowResponse) error {
	q2 := *q
	q2.RPCHeader = c.label(q.RPCHeader, id)
	return c.Transport.TimeoutNow(id, to, &q2, a)
}

// run hands over what arrives; first, if the node is the only voter, the
// message with which a leader tells another to stand for election at once: there
// is nobody whose silence would have to be waited for.
func (c *carrier) run(stop <-chan struct{}, r *raft.Raft, alone bool) {
	if alone {
		header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}
		c.hand(stop, raft.RPC{
			Command: &raft.TimeoutNowRequest{RPCHeader: header}, RespChan: make(chan raft.RPCResponse, 1),
		})
	}
	for {
		select {
		case rpc := <-c.Transport.Consumer():
			if err := c.admit(rpc.Command); err != nil {
				refuse(rpc, err)
				continue
			}
			if q, is := rpc.Command.(*raft.InstallSnapshotRequest); is && c.holds(q) {
				_, _ = io.Copy(io.Discard, rpc.Reader) // else it would stand before the next message
				rpc.Respond(&raft.InstallSnapshotResponse{RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}, Term: q.Term, Success: true}, nil)
				continue
			}
			c.doubt(rpc.Command, r)
			c.hand(stop, rpc)
		case <-stop:
			return
		}
	}
}

// refuse answers with err, after what follows the message on its stream.
func refuse(rpc raft.RPC, err error) {
	if rpc.Reader != nil {
		_, _ = io.Copy(io.Discard, rpc.Reader) // the stream's own error comes with the next read
	}
	rpc.Respond(nil, err)
}

func (c *carrier) hand(stop <-chan struct{}, rpc raft.RPC) {
	select {
	case c.rpcs <- rpc:
	case <-stop:
	}
}
