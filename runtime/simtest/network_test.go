package simtest

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

// way is one direction between two nodes.
type way struct{ from, to string }

// network carries bytes between nodes on virtual time: late, not at all while a
// way is cut, and in order within a stream, as TCP does. Its lock is never held
// while anybody waits.
type network struct {
	mu      sync.Mutex
	r       *rand.Rand
	hosts   map[string]*host // the running ones
	cuts    map[way]int      // how many faults hold a way
	slow    map[way]time.Duration
	loss    map[way]float64
	streams map[*stream]struct{}
}

func newNetwork(r *rand.Rand) *network {
	return &network{r: r, hosts: map[string]*host{}, cuts: map[way]int{}, slow: map[way]time.Duration{}, loss: map[way]float64{}, streams: map[*stream]struct{}{}}
}

// host is a running node on the network: a raft.StreamLayer.
type host struct {
	net     *network
	id      string
	backlog chan net.Conn
	post    chan raft.RPC // messages that are no streams (see postman)
	beat    func(raft.RPC)
	gone    chan struct{}
}

// stream is a connection: two pipes.
type stream struct {
	ends   [2]*host // who dialled, who accepted
	pipes  [2]*pipe // what each of them sends
	closed int      // ends
}

// pipe is one direction of a stream. All is guarded by the network's lock.
type pipe struct {
	way     way
	queue   []chunk
	latest  time.Time
	broken  error
	changed chan struct{}
}

// chunk is a write on its way; nil data is the end of the stream.
type chunk struct {
	at   time.Time
	data []byte
}

// boot puts a node on the network. What earlier incarnations left behind is
// reset: nobody knows of those connections any more.
func (n *network) boot(id string) *host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &host{net: n, id: id, backlog: make(chan net.Conn, 64), post: make(chan raft.RPC), gone: make(chan struct{})}
	for s := range n.streams {
		for _, end := range s.ends {
			if end.id == id {
				n.reset(s)
			}
		}
	}
	n.hosts[id] = h
	return h
}

// leave takes a host off. A killed process resets its connections, which peers
// learn if the way to them is open; a node without power says nothing.
func (n *network) leave(h *host, silent bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	select {
	case <-h.gone:
		return
	default:
	}
	close(h.gone)
	if n.hosts[h.id] == h {
		delete(n.hosts, h.id)
	}
	for s := range n.streams {
		for i, end := range s.ends {
			if end == h {
				s.pipes[1-i].wake() // its own readers
				if !silent && n.cuts[s.pipes[i].way] == 0 {
					n.reset(s)
				}
			}
		}
	}
}

// reset breaks a stream for both ends; the lock is held.
func (n *network) reset(s *stream) {
	for _, p := range s.pipes {
		p.broken, p.queue = syscall.ECONNRESET, nil
		p.wake()
	}
	delete(n.streams, s)
}

// resetAll breaks the streams between two nodes.
func (n *network) resetAll(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.streams {
		if from, to := s.ends[0].id, s.ends[1].id; from == a && to == b || from == b && to == a {
			n.reset(s)
		}
	}
}

func (p *pipe) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// cut holds what goes a way until mend.
func (n *network) cut(w way) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cuts[w]++
}

// mend opens a way again. Streams over it go on after a while, as TCP tries
// again, or break; those whose other end is gone break.
func (n *network) mend(w way) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cuts[w]--; n.cuts[w] > 0 {
		return
	}
	delete(n.cuts, w)
	for s := range n.streams {
		for i, p := range s.pipes {
			if p.way != w {
				continue
			}
			if n.r.IntN(3) == 0 || s.ends[i].isGone() || s.ends[1-i].isGone() {
				n.reset(s)
				break
			}
			again := time.Now().Add(time.Duration(n.r.Int64N(int64(400 * time.Millisecond))))
			for i := range p.queue {
				p.queue[i].at = later(p.queue[i].at, again)
			}
			p.wake()
		}
	}
}

// mendAll ends all that is wrong with the network.
func (n *network) mendAll() {
	n.mu.Lock()
	cut := slices.Collect(maps.Keys(n.cuts))
	clear(n.slow)
	clear(n.loss)
	for _, w := range cut {
		n.cuts[w] = 1
	}
	n.mu.Unlock()
	for _, w := range cut {
		n.mend(w)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (h *host) isGone() bool {
	select {
	case <-h.gone:
		return true
	default:
		return false
	}
}

// open tells whether a way is open now.
func (n *network) open(w way) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cuts[w] == 0
}

// disturb makes a way slow and lossy; zeros make it good again.
func (n *network) disturb(w way, slow time.Duration, loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slow[w], n.loss[w] = slow, loss
}

// delay is how long something takes on a way, lost packets sent again included;
// the lock is held.
func (n *network) delay(w way) time.Duration {
	d := 100*time.Microsecond + time.Duration(n.r.Int64N(int64(time.Millisecond)))
	if s := n.slow[w]; s > 0 {
		d += time.Duration(n.r.Int64N(int64(s)))
	}
	for again := 200 * time.Millisecond; n.r.Float64() < n.loss[w] && again < 2*time.Second; again *= 2 {
		d += again
	}
	return d
}

// Accept is net.Listener's.
func (h *host) Accept() (net.Conn, error) {
	select {
	case c := <-h.backlog:
		return c, nil
	case <-h.gone:
		return nil, net.ErrClosed
	}
}

// Close is net.Listener's; the end of the process is leave.
func (h *host) Close() error { return nil }

// Addr is net.Listener's.
func (h *host) Addr() net.Addr { return address(h.id) }

type address string

func (a address) Network() string { return "sim" }
func (a address) String() string  { return string(a) }

// Dial is raft.StreamLayer's.
func (h *host) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	n, there, back := h.net, way{h.id, string(to)}, way{string(to), h.id}
	n.mu.Lock()
	trip := n.delay(there) + n.delay(back)
	n.mu.Unlock()
	if !h.pause(min(trip, timeout)) {
		return nil, net.ErrClosed
	}
	n.mu.Lock()
	peer := n.hosts[string(to)]
	if peer == nil || n.cuts[there] > 0 || n.cuts[back] > 0 || trip > timeout {
		n.mu.Unlock()
		h.pause(max(0, timeout-trip))
		return nil, &net.OpError{Op: "dial", Net: "sim", Addr: address(to), Err: os.ErrDeadlineExceeded}
	}
	s := &stream{ends: [2]*host{h, peer}}
	s.pipes[0] = &pipe{way: there, changed: make(chan struct{})}
	s.pipes[1] = &pipe{way: back, changed: make(chan struct{})}
	n.streams[s] = struct{}{}
	n.mu.Unlock()
	select {
	case peer.backlog <- &conn{stream: s, side: 1}:
		return &conn{stream: s, side: 0}, nil
	case <-peer.gone:
		return nil, syscall.ECONNREFUSED
	case <-h.gone:
		return nil, net.ErrClosed
	}
}

// pause waits; false if the process ended meanwhile.
func (h *host) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-h.gone:
		return false
	}
}

// sleep waits on virtual time.
func sleep(d time.Duration) { <-time.After(d) }

// conn is one end of a stream.
type conn struct {
	*stream
	side   int
	closed bool      // guarded by the network's lock, as the deadlines
	readBy time.Time // zero: never
}

func (c *conn) host() *host { return c.ends[c.side] }

// Read is net.Conn's.
func (c *conn) Read(b []byte) (int, error) {
	n, p := c.host().net, c.pipes[1-c.side]
	for {
		n.mu.Lock()
		got, wait, err := c.take(b, p)
		changed := p.changed
		n.mu.Unlock()
		if got > 0 || err != nil {
			return got, err
		}
		if wait == 0 {
			<-changed
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-changed:
		}
		t.Stop()
	}
}

// take gives what has arrived, or how long there is to wait (0: until something
// changes); the lock is held.
func (c *conn) take(b []byte, p *pipe) (n int, wait time.Duration, err error) {
	now := time.Now()
	switch {
	case c.closed || c.host().isGone():
		return 0, 0, net.ErrClosed
	case p.broken != nil:
		return 0, 0, p.broken
	case !c.readBy.IsZero() && !now.Before(c.readBy):
		return 0, 0, os.ErrDeadlineExceeded
	}
	if !c.readBy.IsZero() {
		wait = c.readBy.Sub(now)
	}
	if len(p.queue) == 0 || c.host().net.cuts[p.way] > 0 {
		return 0, wait, nil
	}
	first := &p.queue[0]
	if left := first.at.Sub(now); left > 0 {
		if wait == 0 || left < wait {
			wait = left
		}
		return 0, wait, nil
	}
	if first.data == nil {
		return 0, 0, io.EOF
	}
	n = copy(b, first.data)
	if first.data = first.data[n:]; len(first.data) == 0 {
		p.queue = p.queue[1:]
	}
	return n, 0, nil
}

// Write is net.Conn's. It never waits: buffers are large.
func (c *conn) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return len(b), c.send(append([]byte(nil), b...))
}

func (c *conn) send(data []byte) error {
	n, p := c.host().net, c.pipes[c.side]
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case c.closed || c.host().isGone():
		return net.ErrClosed
	case p.broken != nil:
		return p.broken
	}
	p.latest = later(p.latest, time.Now().Add(n.delay(p.way)))
	p.queue = append(p.queue, chunk{p.latest, data})
	p.wake()
	return nil
}

// Close is net.Conn's.
func (c *conn) Close() error {
	err := c.send(nil)
	n := c.host().net
	n.mu.Lock()
	defer n.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.pipes[1-c.side].wake()
	if c.stream.closed++; c.stream.closed == 2 {
		delete(n.streams, c.stream)
	}
	if errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

// LocalAddr is net.Conn's.
func (c *conn) LocalAddr() net.Addr { return address(c.host().id) }

// RemoteAddr is net.Conn's.
func (c *conn) RemoteAddr() net.Addr { return address(c.ends[1-c.side].id) }

// SetDeadline is net.Conn's.
func (c *conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline is net.Conn's.
func (c *conn) SetReadDeadline(t time.Time) error {
	n := c.host().net
	n.mu.Lock()
	defer n.mu.Unlock()
	c.readBy = t
	c.pipes[1-c.side].wake()
	return nil
}

// SetWriteDeadline is net.Conn's; a write never waits.
func (c *conn) SetWriteDeadline(time.Time) error { return nil }
