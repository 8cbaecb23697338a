package node

import (
	"context"
	"errors"
	"net"
	"sync"
)

// api lets one server after another answer on the connections of a listener:
// first one that says what the node waits for, then the edge.
type api struct {
	listener net.Listener
	conns    chan net.Conn
	ended    chan struct{} // the listener gives nothing more
	err      error         // why

	mu      sync.Mutex
	stop    context.CancelFunc // of the present server
	servers []chan error
}

// serve is a server: it answers on a listener until ctx ends.
type serve func(ctx context.Context, listener net.Listener) error

func newAPI(listener net.Listener) *api {
	a := &api{listener: listener, conns: make(chan net.Conn), ended: make(chan struct{}), stop: func() {}}
	go a.accept()
	return a
}

func (a *api) accept() {
	defer close(a.ended)
	for {
		conn, err := a.listener.Accept()
		if err != nil {
			a.err = err
			return
		}
		a.conns <- conn
	}
}

// hand gives the connections to a server from now on. The one before ends what
// it has begun.
func (a *api) hand(to serve) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop()
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	a.stop, a.servers = stop, append(a.servers, served)
	go func() { served <- to(ctx, &turn{api: a, over: make(chan struct{})}) }()
}

// close ends the present server, and waits until all have answered what they
// had begun. It can be called again.
func (a *api) close() (err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop()
	for _, served := range a.servers {
		err = errors.Join(err, <-served)
	}
	a.servers = nil
	return err
}

// drain waits for the end of the listener; connections that still come find
// nobody.
func (a *api) drain() {
	for {
		select {
		case conn := <-a.conns:
			_ = conn.Close()
		case <-a.ended:
			return
		}
	}
}

// turn is the listener as the server whose turn it is sees it.
type turn struct {
	*api
	once sync.Once
	over chan struct{}
}

func (t *turn) Accept() (net.Conn, error) {
	select {
	case <-t.over:
		return nil, net.ErrClosed
	default:
	}
	select {
	case conn := <-t.conns:
		return conn, nil
	case <-t.over:
		return nil, net.ErrClosed
	case <-t.ended:
		return nil, t.err
	}
}

func (t *turn) Close() error {
	t.once.Do(func() { close(t.over) })
	return nil
}

func (t *turn) Addr() net.Addr { return t.listener.Addr() }
