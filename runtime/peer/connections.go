package peer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// connections are all that are open, so that they can be counted and closed.
type connections struct {
	limits Limits

	mu      sync.Mutex
	closed  bool
	clients int
	crowds  map[netip.Addr]int // of clients, by address
	all     map[*tracked]struct{}
	members map[string][]*wire // by ID
}

// tracked is the TCP connection below a TLS connection.
type tracked struct {
	net.Conn
	of     *connections
	once   sync.Once
	client bool // counted as one; under of.mu
}

// wire is a connection to or from a member that was let in.
type wire struct {
	*tls.Conn
	below    *tracked
	id       string
	protocol string
	incoming bool
}

func newConnections(limits Limits) *connections {
	return &connections{limits: limits, crowds: map[netip.Addr]int{}, all: map[*tracked]struct{}{}, members: map[string][]*wire{}}
}

// track keeps a connection until it is closed.
func (c *connections) track(conn net.Conn) *tracked {
	t := &tracked{Conn: conn, of: c}
	c.mu.Lock()
	closed := c.closed
	c.all[t] = struct{}{}
	c.mu.Unlock()
	if closed {
		_ = t.Close()
	}
	return t
}

func (t *tracked) Close() error {
	t.once.Do(func() {
		t.of.mu.Lock()
		defer t.of.mu.Unlock()
		delete(t.of.all, t)
		if t.client {
			t.of.uncount(t)
		}
	})
	return t.Conn.Close()
}

var errManyClients = errors.New("too many connections of clients are open")

// countClient takes a place among the clients' connections. When all are taken,
// one of the address that has most gives way for an address that has fewer.
func (c *connections) countClient(t *tracked) (gaveWay *tracked, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, open := c.all[t]; !open {
		return nil, net.ErrClosed
	}
	own := addressOf(t)
	if c.clients >= c.limits.Clients {
		if gaveWay = c.crowding(c.crowds[own] + 1); gaveWay == nil {
			return nil, errManyClients
		}
		c.uncount(gaveWay)
	}
	c.clients++
	c.crowds[own]++
	t.client = true
	return gaveWay, nil
}

// crowding is a client's connection of the address that has most of them, if that
// is more than some number; else nil.
func (c *connections) crowding(than int) *tracked {
	var crowd netip.Addr
	for address, count := range c.crowds {
		if count > than {
			crowd, than = address, count
		}
	}
	for t := range c.all {
		if t.client && crowd.IsValid() && addressOf(t) == crowd {
			return t
		}
	}
	return nil
}

// uncount gives a client's place back.
func (c *connections) uncount(t *tracked) {
	t.client = false
	c.clients--
	address := addressOf(t)
	if c.crowds[address]--; c.crowds[address] == 0 {
		delete(c.crowds, address)
	}
}

// join adds a member's connection to those that drop closes.
func (c *connections) join(w *wire) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, open := c.all[w.below]; !open {
		return net.ErrClosed
	}
	same := 0
	for _, other := range c.members[w.id] {
		if other.protocol == w.protocol && other.incoming == w.incoming {
			same++
		}
	}
	if same >= c.limits.Member {
		return fmt.Errorf("%d connections with node %s are open already", same, w.id)
	}
	c.members[w.id] = append(c.members[w.id], w)
	if tcp, ok := w.below.Conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(asking()) // else the end is noticed later
	}
	return nil
}

func (c *connections) part(w *wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := slices.DeleteFunc(c.members[w.id], func(other *wire) bool { return other == w })
	if len(left) == 0 {
		delete(c.members, w.id)
		return
	}
	c.members[w.id] = left
}

// Close parts with the member well.
func (w *wire) Close() error {
	w.below.of.part(w)
	return w.Conn.Close()
}

// cut ends a connection at once: a good-bye could wait for who does not read.
func (w *wire) cut() {
	w.below.of.part(w)
	_ = w.below.Close()
}

// drop cuts all connections with a node.
func (c *connections) drop(id string) {
	c.mu.Lock()
	gone := slices.Clone(c.members[id])
	c.mu.Unlock()
	for _, w := range gone {
		w.cut()
	}
}

// withMembers are the connections with members that are open.
func (c *connections) withMembers() (all []*wire) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, wires := range c.members {
		all = append(all, wires...)
	}
	return all
}

// cutAll cuts all connections of a protocol.
func (c *connections) cutAll(protocol string) {
	for _, w := range c.withMembers() {
		if w.protocol == protocol {
			w.cut()
		}
	}
}

// close closes everything, now and in future.
func (c *connections) close() {
	c.mu.Lock()
	c.closed = true
	open := make([]*tracked, 0, len(c.all))
	for t := range c.all {
		open = append(open, t)
	}
	c.mu.Unlock()
	for _, t := range open {
		_ = t.Close()
	}
}
