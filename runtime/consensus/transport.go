package consensus

import "github.com/hashicorp/raft"

// carrier stands between Raft and its transport.
type carrier struct {
	raft.Transport
	rpcs chan raft.RPC
}

func newCarrier(t raft.Transport) *carrier {
	return &carrier{Transport: t, rpcs: make(chan raft.RPC)}
}

// Consumer gives Raft what comes from others and what this node says to itself.
func (c *carrier) Consumer() <-chan raft.RPC { return c.rpcs }

// RequestPreVote asks whether a vote would be given.
func (c *carrier) RequestPreVote(id raft.ServerID, to raft.ServerAddress, q *raft.RequestPreVoteRequest, a *raft.RequestPreVoteResponse) error {
	return c.Transport.(raft.WithPreVote).RequestPreVote(id, to, q, a)
}

// run hands over what arrives; first, if the node is the only voter, the
// message with which a leader tells another to stand for election at once: there
// is nobody whose silence would have to be waited for.
func (c *carrier) run(stop <-chan struct{}, alone bool) {
	if alone {
		header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax}
		c.hand(stop, raft.RPC{
			Command: &raft.TimeoutNowRequest{RPCHeader: header}, RespChan: make(chan raft.RPCResponse, 1),
		})
	}
	for {
		select {
		case rpc := <-c.Transport.Consumer():
			c.hand(stop, rpc)
		case <-stop:
			return
		}
	}
}

func (c *carrier) hand(stop <-chan struct{}, rpc raft.RPC) {
	select {
	case c.rpcs <- rpc:
	case <-stop:
	}
}
