package node

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/picloud/picloud/runtime/peer"
)

// api lets one server after another answer the clients: first one that says what
// the node waits for, then the edge.
type api struct {
	port *peer.Port

	mu      sync.Mutex
	stop    context.CancelFunc // of the present server
	servers []chan error
}

func newAPI(port *peer.Port) *api { return &api{port: port, stop: func() {}} }

// hand gives the connections that come from now on to a server, which answers
// until ctx ends. The one before ends what it has begun.
func (a *api) hand(to func(ctx context.Context, listener net.Listener) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	listener, before := a.port.API(), a.stop
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	a.stop, a.servers = stop, append(a.servers, served)
	go func() { served <- to(ctx, listener) }()
	before()
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
