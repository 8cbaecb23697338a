package simtest

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/hashicorp/raft"
)

// postman is a raft.Transport whose messages travel one by one: each may be
// lost, late, overtaken by later ones, or come a second time much later.
type postman struct {
	*host
	twice float64 // how many come twice
}

var (
	_ raft.Transport   = (*postman)(nil)
	_ raft.WithPreVote = (*postman)(nil)
)

var errUnanswered = errors.New("no answer came in time")

// patience is how long an answer is waited for: less than a late message takes.
const patience = 700 * time.Millisecond

func (p *postman) Consumer() <-chan raft.RPC     { return p.post }
func (p *postman) LocalAddr() raft.ServerAddress { return raft.ServerAddress(p.id) }
func (p *postman) SetHeartbeatHandler(handle func(raft.RPC)) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	p.beat = handle
}
func (p *postman) EncodePeer(_ raft.ServerID, a raft.ServerAddress) []byte { return []byte(a) }
func (p *postman) DecodePeer(b []byte) raft.ServerAddress                  { return raft.ServerAddress(b) }

func (p *postman) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

func (p *postman) AppendEntries(_ raft.ServerID, to raft.ServerAddress, q *raft.AppendEntriesRequest, a *raft.AppendEntriesResponse) error {
	return exchange(p, to, q, a, nil)
}

func (p *postman) RequestVote(_ raft.ServerID, to raft.ServerAddress, q *raft.RequestVoteRequest, a *raft.RequestVoteResponse) error {
	return exchange(p, to, q, a, nil)
}

func (p *postman) RequestPreVote(_ raft.ServerID, to raft.ServerAddress, q *raft.RequestPreVoteRequest, a *raft.RequestPreVoteResponse) error {
	return exchange(p, to, q, a, nil)
}

func (p *postman) TimeoutNow(_ raft.ServerID, to raft.ServerAddress, q *raft.TimeoutNowRequest, a *raft.TimeoutNowResponse) error {
	return exchange(p, to, q, a, nil)
}

func (p *postman) InstallSnapshot(_ raft.ServerID, to raft.ServerAddress, q *raft.InstallSnapshotRequest, a *raft.InstallSnapshotResponse, data io.Reader) error {
	content, err := io.ReadAll(data)
	if err != nil {
		return err
	}
	return exchange(p, to, q, a, content)
}

// exchange sends a copy of q, perhaps two, and waits for the first answer.
func exchange[Q, A any](p *postman, to raft.ServerAddress, q *Q, a *A, data []byte) error {
	answers := make(chan raft.RPCResponse, 2)
	p.net.mu.Lock()
	copies, late := 1, time.Duration(p.net.r.Int64N(int64(3*time.Second)))
	if p.net.r.Float64() < p.twice {
		copies = 2
	}
	p.net.mu.Unlock()
	sent := *q // the sender may use q again while a late copy is on its way
	for i := range copies {
		q2 := sent
		go func() {
			if i > 0 {
				p.pause(late)
			}
			p.carry(string(to), &q2, data, answers)
		}()
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case r := <-answers:
		if r.Error != nil {
			return r.Error
		}
		*a = *r.Response.(*A)
		return nil
	case <-t.C:
		return errUnanswered
	case <-p.gone:
		return raft.ErrTransportShutdown
	}
}

// carry takes a message there and its answer back. The lossy part of the way
// that makes a stream slow loses a message.
func (p *postman) carry(to string, q any, data []byte, answers chan<- raft.RPCResponse) {
	there, back := way{p.id, to}, way{to, p.id}
	if !p.travel(there) {
		return
	}
	p.net.mu.Lock()
	peer := p.net.hosts[to]
	p.net.mu.Unlock()
	if peer == nil {
		return
	}
	answer := make(chan raft.RPCResponse, 1)
	if !peer.hand(raft.RPC{Command: q, Reader: bytes.NewReader(data), RespChan: answer}) {
		return
	}
	select {
	case r := <-answer:
		if p.travel(back) {
			answers <- r
		}
	case <-peer.gone:
	}
}

// travel takes as long as the way; false if what went it was lost.
func (p *postman) travel(w way) bool {
	n := p.net
	n.mu.Lock()
	lost := n.r.Float64() < n.loss[w]
	took := n.delay(w)
	n.mu.Unlock()
	sleep(took)
	return !lost && n.open(w)
}

// hand gives a message to the node that runs there.
func (h *host) hand(rpc raft.RPC) bool {
	h.net.mu.Lock()
	beat := h.beat
	h.net.mu.Unlock()
	if beat != nil && isHeartbeat(rpc.Command) {
		beat(rpc)
		return true
	}
	select {
	case h.post <- rpc:
		return true
	case <-h.gone:
		return false
	}
}

// isHeartbeat tells what may pass Raft's main loop by: what the network
// transport of Raft lets by.
func isHeartbeat(command any) bool {
	q, is := command.(*raft.AppendEntriesRequest)
	return is && q.Term != 0 && q.PrevLogEntry == 0 && q.PrevLogTerm == 0 && len(q.Entries) == 0 && q.LeaderCommitIndex == 0
}
