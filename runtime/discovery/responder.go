package discovery

import (
	"context"
	"crypto/rand"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	firstBrowse = time.Second
	quiet       = time.Second // between two answers to all on a link (RFC 6762, section 6)
	aloneAtOnce = 16          // answers to one asker on a link
	aloneEvery  = 100 * time.Millisecond
	waitingMax  = 64 // datagrams and reports that wait; more are lost, as on any network
)

// responder is the one goroutine that knows all and decides; sockets are read
// by others, which only parse.
type responder struct {
	cfg     Config
	said    announced
	sockets [families]*socket
	failed  [families]bool // to open, and the log says so
	links   map[place]*link
	heard   *table

	browseAt    time.Time
	browseAfter time.Duration

	datagrams chan datagram
	broken    chan *socket
	news      chan struct{} // Self may say something else
	readers   sync.WaitGroup
	found     chan Found // closed when all has ended
}

// announced is what is said now.
type announced struct {
	self   Found
	domain string
}

func newResponder(cfg Config) *responder {
	return &responder{
		cfg: cfg, links: map[place]*link{}, heard: newTable(), browseAfter: firstBrowse,
		datagrams: make(chan datagram, waitingMax), broken: make(chan *socket, families),
		news: make(chan struct{}, 1), found: make(chan Found, waitingMax),
	}
}

func (r *responder) run(ctx context.Context) {
	defer close(r.found)
	defer r.end()
	var pollAt time.Time
	changes := r.listen(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		r.refresh() // so that no answer says what is no longer so
		if !now.Before(pollAt) {
			r.look(ctx, now)
			pollAt = now.Add(r.cfg.Poll)
		}
		timer.Reset(max(0, time.Until(r.due(now, pollAt))))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-r.news:
		case <-changes:
			pollAt = time.Time{}
		case s := <-r.broken:
			r.drop(s)
		case d := <-r.datagrams:
			r.refresh()
			r.take(time.Now(), d)
		}
	}
}

// refresh asks what is to be said, and tells the neighbours if that is news.
func (r *responder) refresh() {
	is := announced{r.cfg.Self(), r.cfg.Domain()}
	if same(is.self, r.said.self) && is.self.Node == r.said.self.Node && is.domain == r.said.domain {
		return
	}
	r.said = is
	for _, l := range r.links {
		l.announce, l.announceAt = announcements, time.Time{}
	}
}

// look follows the interfaces.
func (r *responder) look(ctx context.Context, now time.Time) {
	r.open(ctx)
	found, err := interfaces(r.cfg.Listen)
	if err != nil {
		r.cfg.Logger.Warn("the interfaces of this machine cannot be listed", "error", err)
		return
	}
	moved := false
	for at := range r.links {
		if found[at.index] == nil {
			delete(r.links, at)
			moved = true
		}
	}
	for index, prefixes := range found {
		for f := range families {
			moved = r.follow(now, place{index, f}, prefixes) || moved
		}
	}
	if moved {
		r.cfg.Moved()
	}
}

// open opens what is not open; another program may hold a port for itself.
func (r *responder) open(ctx context.Context) {
	for f := range families {
		if r.sockets[f] != nil {
			continue
		}
		s, err := open(ctx, f)
		if err != nil {
			if !r.failed[f] {
				r.cfg.Logger.Info("nodes are not looked for over "+f.String()+"; nodes that are named with --join are found all the same", "error", err)
			}
			r.failed[f] = true
			continue
		}
		r.sockets[f], r.failed[f] = s, false
		r.readers.Go(func() { r.read(ctx, s) })
	}
}

// follow begins or goes on at a place, and tells the neighbours what is new. It
// says whether there was something.
func (r *responder) follow(now time.Time, at place, prefixes []netip.Prefix) bool {
	i := slices.IndexFunc(prefixes, func(p netip.Prefix) bool { return at.family.of(p.Addr()) })
	s := r.sockets[at.family]
	l := r.links[at]
	if i < 0 || s == nil {
		delete(r.links, at)
		return l != nil
	}
	if l != nil && slices.Equal(l.prefixes, prefixes) {
		return false
	}
	if err := s.join(at.index); err != nil {
		r.cfg.Logger.Debug("an interface takes no part in finding nodes", "interface", at.index, "family", at.family.String(), "error", err)
		return false
	}
	if l == nil {
		l = &link{place: at, alone: bucket{size: aloneAtOnce, each: aloneEvery}}
		r.links[at] = l
	}
	l.prefixes, l.source = prefixes, prefixes[i].Addr()
	l.announce, l.announceAt = announcements, time.Time{}
	r.browseAfter, r.browseAt = firstBrowse, now
	r.heard.forget() // what was reachable may no longer be: whom this node still hears is reported anew
	return true
}

// due does what is due, and says when the next thing is.
func (r *responder) due(now, pollAt time.Time) time.Time {
	next := pollAt
	soon := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	if len(r.links) > 0 {
		if !now.Before(r.browseAt) {
			for _, l := range r.links {
				r.send(l, browse, l.family.group())
			}
			r.browseAt = now.Add(r.browseAfter)
			r.browseAfter = min(2*r.browseAfter, r.cfg.Browse)
		}
		soon(r.browseAt)
	}
	for _, l := range r.links {
		if l.announce > 0 && !now.Before(l.announceAt) {
			l.announceAt = now.Add(between)
			if r.tell(now, l, askedAll) { // else again: an IPv6 address serves only a while after it was given
				l.announce--
			}
		}
		if l.announce > 0 {
			soon(l.announceAt)
		}
		if l.pending != 0 && !now.Before(l.answerAt) {
			r.tell(now, l, l.pending)
		}
		if l.pending != 0 {
			soon(l.answerAt)
		}
	}
	return next
}

// tell says to all on a link what is asked for, and whether that went out.
func (r *responder) tell(now time.Time, l *link, what asked) bool {
	l.pending &^= what
	if r.said.self.Node == "" {
		l.pending = 0
		return true
	}
	l.quietUntil = now.Add(quiet)
	return r.send(l, r.answer(l, what, lifetime).pack, l.family.group())
}

func (r *responder) answer(l *link, what asked, seconds uint32) answer {
	return answer{
		names: namesOf(r.said.self.Node, r.said.domain), text: r.said.self.text(r.cfg.Port), port: uint16(r.cfg.Port),
		addrs: l.own(), asked: what, seconds: seconds,
	}
}

// send sends one message. A failure is told once, until one has succeeded.
func (r *responder) send(l *link, message func() ([]byte, error), to netip.AddrPort) bool {
	packet, err := message()
	if s := r.sockets[l.family]; err == nil && s != nil {
		err = s.send(packet, l.index, l.source, to)
	}
	if err != nil && !l.failing {
		r.cfg.Logger.Debug("sending on an interface failed; it is tried again", "interface", l.index, "family", l.family.String(), "error", err)
	}
	l.failing = err != nil
	return err == nil
}

// take takes in a datagram of a neighbour.
func (r *responder) take(now time.Time, d datagram) {
	l := r.links[place{d.index, d.family}]
	if l == nil || !d.group && !l.near(d.from.Addr()) {
		return
	}
	if d.query != nil {
		r.asked(now, l, d)
		return
	}
	if d.from.Port() != mdnsPort { // RFC 6762, section 6: no answer of multicast DNS
		return
	}
	for _, node := range d.nodes {
		r.hear(now, l, node, d.from.Addr())
	}
}

// asked answers a question: all on the link after a moment in which others
// may ask the same, or the asker alone at once.
func (r *responder) asked(now time.Time, l *link, d datagram) {
	if r.said.self.Node == "" {
		return
	}
	var all, alone asked
	names := namesOf(r.said.self.Node, r.said.domain)
	legacy := d.from.Port() != mdnsPort
	for _, q := range d.query.questions {
		if (q.unicast() || legacy) && l.near(d.from.Addr()) {
			alone |= names.asks(q)
		} else if !legacy { // a stranger from afar could make all hear an answer
			all |= names.asks(q)
		}
	}
	if alone != 0 && l.alone.take(now) {
		a := r.answer(l, alone, lifetime)
		if legacy {
			a.legacy = d.query
		}
		r.send(l, a.pack, d.from)
	}
	if all != 0 && l.pending == 0 {
		l.answerAt = now.Add(moment())
		if l.answerAt.Before(l.quietUntil) {
			l.answerAt = l.quietUntil
		}
	}
	l.pending |= all
}

// moment is a wait of 20 to 120 ms (RFC 6762, section 6).
func moment() time.Duration {
	var one [1]byte
	_, _ = rand.Read(one[:]) // never fails
	return 20*time.Millisecond + time.Duration(one[0])*100*time.Millisecond/256
}

// hear takes in what a node says, and reports it if it is of this cluster, or
// if this node has none.
func (r *responder) hear(now time.Time, l *link, said heard, from netip.Addr) {
	self := r.said.self
	if said.Node == self.Node || self.Cluster != "" && said.Cluster != self.Cluster {
		return
	}
	addrs := r.reachable(l, said.addrs, from)
	if len(addrs) == 0 && !said.gone {
		return
	}
	found, news := r.heard.hear(now, l.index, said, addrs)
	if !news {
		return
	}
	select {
	case r.found <- found:
	default: // it is reported again
	}
}

// reachable are the addresses that can be meant: those of neighbours on the
// link, and the one that the datagram came from.
func (r *responder) reachable(l *link, named []netip.Addr, from netip.Addr) (addrs []netip.Addr) {
	add := func(addr netip.Addr) {
		addr = addr.Unmap().WithZone("")
		if addr.Is6() && addr.IsLinkLocalUnicast() {
			addr = addr.WithZone(zone(l.index))
		}
		if !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	both := r.both(l.index)
	for _, addr := range named {
		if slices.ContainsFunc(both, func(l *link) bool { return l.near(addr.Unmap()) }) {
			add(addr)
		}
	}
	if len(named) > 0 && !from.IsUnspecified() && !from.IsMulticast() {
		add(from)
	}
	return addrs
}

// both are the links of an interface.
func (r *responder) both(index int) (links []*link) {
	for f := range families {
		if l := r.links[place{index, f}]; l != nil {
			links = append(links, l)
		}
	}
	return links
}

// read parses what comes in on a socket until it breaks.
func (r *responder) read(ctx context.Context, s *socket) {
	buffer := make([]byte, packetBytes)
	for {
		d, parsed, err := s.receive(buffer)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.broken <- s // it has room for each socket
			return
		case !parsed:
			continue
		}
		select {
		case r.datagrams <- d:
		default: // as on any network: who asked asks again
		}
	}
}

// drop closes a broken socket; the next look opens another.
func (r *responder) drop(s *socket) {
	s.conn.Close()
	if r.sockets[s.family] == s {
		r.sockets[s.family] = nil
	}
	maps.DeleteFunc(r.links, func(at place, _ *link) bool { return at.family == s.family })
}

// end takes the announcement back and closes the sockets.
func (r *responder) end() {
	for _, l := range r.links {
		if r.said.self.Node != "" {
			r.send(l, r.answer(l, askedService|askedInstance, 0).pack, l.family.group())
		}
	}
	for _, s := range r.sockets {
		if s != nil {
			s.conn.Close()
		}
	}
	r.readers.Wait()
}
