package peer

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// room bounds the connections in their handshake. Who finds it full waits in the
// line of their address; addresses take turns, and while somebody waits who is
// in has less time. If too many wait, the last of the longest line goes. So one
// who opens thousands of connections and says nothing waits for themself.
type room struct {
	limits Limits

	mu      sync.Mutex
	in      int
	waiting int
	parties []*party // all that have somebody in or waiting; the next turn first
}

// party is all guests of one address.
type party struct {
	address  netip.Addr
	in, line []*guest
}

// guest is a connection on its way through its handshake.
type guest struct {
	conn  net.Conn
	party *party
	since time.Time     // it is in
	ready chan struct{} // closed when it is in, or gone
	gone  bool          // sent away while it waited; read after ready

	hurried bool // its time was made short
}

func newRoom(limits Limits) *room { return &room{limits: limits} }

// enter puts a connection in its line. It is in when ready is closed, and has
// to leave in any case.
func (r *room) enter(conn net.Conn) *guest {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := &guest{conn: conn, party: r.partyOf(conn), ready: make(chan struct{})}
	g.party.line = append(g.party.line, g)
	r.waiting++
	if r.admit(); r.waiting == 0 {
		return g
	}
	r.hurry()
	if r.waiting > r.limits.Waiting {
		r.sendAway()
	}
	return g
}

func (r *room) partyOf(conn net.Conn) *party {
	address := addressOf(conn)
	for _, p := range r.parties {
		if p.address == address {
			return p
		}
	}
	p := &party{address: address}
	r.parties = append(r.parties, p)
	return p
}

// addressOf is what one sender has one of: an IPv4 address, or the network that
// an IPv6 address is in, in which a host may have as many as it likes.
func addressOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	address := tcp.AddrPort().Addr().Unmap()
	if address.Is6() {
		if network, err := address.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return address
}

// admit lets in who may come in, addresses in turn.
func (r *room) admit() {
	for r.waiting > 0 && r.in < r.limits.HalfOpen {
		turn := slices.IndexFunc(r.parties, func(p *party) bool {
			return len(p.line) > 0 && len(p.in) < r.limits.HalfOpenAddress
		})
		if turn < 0 {
			return
		}
		p := r.parties[turn]
		r.parties = append(slices.Delete(r.parties, turn, turn+1), p)
		g := p.line[0]
		p.line, p.in = p.line[1:], append(p.in, g)
		r.waiting--
		r.in++
		r.begin(g)
	}
}

// begin starts a guest's time.
func (r *room) begin(g *guest) {
	g.since = time.Now()
	limit := r.limits.Handshake
	if g.hurried = r.wanted(g.party); g.hurried {
		limit = r.limits.HandshakeBusy
	}
	_ = g.conn.SetDeadline(g.since.Add(limit))
	close(g.ready)
}

// wanted reports whether somebody waits for the places of a party.
func (r *room) wanted(p *party) bool {
	return len(p.line) > 0 || r.waiting > 0 && r.in >= r.limits.HalfOpen
}

// hurry gives less time to those in whose places somebody waits for.
func (r *room) hurry() {
	for _, p := range r.parties {
		if !r.wanted(p) {
			continue
		}
		for _, g := range p.in {
			if !g.hurried {
				g.hurried = true
				_ = g.conn.SetDeadline(g.since.Add(r.limits.HandshakeBusy))
			}
		}
	}
}

// sendAway refuses the last of the longest line.
func (r *room) sendAway() {
	longest := slices.MaxFunc(r.parties, func(a, b *party) int { return len(a.line) - len(b.line) })
	last := len(longest.line) - 1
	g := longest.line[last]
	longest.line = longest.line[:last]
	r.waiting--
	g.gone = true
	close(g.ready)
}

// leave gives a guest's place to the next.
func (r *room) leave(g *guest) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := g.party
	if i := slices.Index(p.in, g); i >= 0 {
		p.in = slices.Delete(p.in, i, i+1)
		r.in--
	} else if i := slices.Index(p.line, g); i >= 0 {
		p.line = slices.Delete(p.line, i, i+1)
		r.waiting--
	}
	if len(p.in)+len(p.line) == 0 {
		r.parties = slices.DeleteFunc(r.parties, func(other *party) bool { return other == p })
	}
	r.admit()
}
