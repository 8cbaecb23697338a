package peer

import (
	"context"
	"net"
	"sync"
)

// outlet hands connections of one protocol to whoever listens for it now.
type outlet struct {
	mu  sync.Mutex
	now *listener
}

// open gives a new listener, which takes over from the one before.
func (o *outlet) open(address net.Addr) *listener {
	l := &listener{address: address, conns: make(chan net.Conn), done: make(chan struct{})}
	o.mu.Lock()
	before := o.now
	o.now = l
	o.mu.Unlock()
	if before != nil {
		_ = before.Close()
	}
	return l
}

func (o *outlet) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.now != nil {
		_ = o.now.Close()
	}
}

// give hands a connection over; false when nobody takes it in time.
func (o *outlet) give(ctx context.Context, conn net.Conn) bool {
	o.mu.Lock()
	l := o.now
	o.mu.Unlock()
	if l == nil {
		return false
	}
	select {
	case l.conns <- conn:
		return true
	case <-l.done:
	case <-ctx.Done():
	}
	return false
}

// listener is a net.Listener of connections that others accepted.
type listener struct {
	address net.Addr
	conns   chan net.Conn
	once    sync.Once
	done    chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return l.address }
