package peer

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// answerBytes is how much of Raft's answers is read without a request in
// between; an answer has a few hundred bytes, and a few are on their way.
const answerBytes = 64 << 10

// streams is raft.StreamLayer.
type streams struct {
	*listener
	port *Port
}

// Dial connects to a member by its ID.
func (s *streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	w, err := s.port.dial(ctx, string(address), protocolRaft)
	if err != nil {
		return nil, err
	}
	select {
	case <-s.done:
		_ = w.Close()
		return nil, net.ErrClosed
	default:
	}
	return &frames{Conn: w, bound: answerBytes}, nil
}

// Close ends the layer with all its connections.
func (s *streams) Close() error {
	err := s.listener.Close()
	s.port.raft.mu.Lock()
	current := s.port.raft.now == s.listener
	s.port.raft.mu.Unlock()
	if current {
		s.port.conns.cutAll(protocolRaft)
	}
	return err
}

func (p *Port) framed(w *wire) net.Conn { return &frames{Conn: w, bound: p.cfg.Limits.Frame} }

// frames bounds what one message of Raft can make this node hold. The messages
// have no length in front, but each is answered, so what was read since something
// was written is at most what was not answered yet, and Raft's decoder makes
// room only for what came. hashicorp/raft has no bound of its own.
type frames struct {
	net.Conn
	bound int64
	read  atomic.Int64 // since the last write
}

func (f *frames) Read(b []byte) (int, error) {
	n, err := f.Conn.Read(b)
	if f.read.Add(int64(n)) > f.bound {
		_ = f.Conn.Close()
		return 0, fmt.Errorf("peer: a message of Raft is over %d bytes", f.bound)
	}
	return n, err
}

func (f *frames) Write(b []byte) (int, error) {
	f.read.Store(0)
	return f.Conn.Write(b)
}
