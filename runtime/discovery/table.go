package discovery

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Bounds of what is remembered and reported.
const (
	nodesMax   = 256
	placesMax  = 8                // interfaces at which one node is remembered
	again      = 10 * time.Second // until a node that says nothing new is reported again
	reports    = 20               // a second, over all nodes
	reportsMax = 64               // at once
)

// table is what was heard of other nodes.
type table struct {
	nodes map[string]*entry // by id
	rate  bucket
}

type entry struct {
	said     Found // without addresses
	at       map[int]hearing
	heard    time.Time
	reported time.Time
	last     []string // the addresses that were reported
}

// hearing is what a node said on one interface; the next replaces it.
type hearing struct {
	port    uint16
	addrs   []netip.Addr // best first
	expires time.Time
}

func newTable() *table {
	return &table{nodes: map[string]*entry{}, rate: bucket{size: reportsMax, each: time.Second / reports}}
}

func (t *table) forget() { clear(t.nodes) }

// hear takes in what a node said on an interface, and says whether it is to be
// reported now.
func (t *table) hear(now time.Time, index int, said heard, addrs []netip.Addr) (Found, bool) {
	e := t.nodes[said.Node]
	if said.gone {
		delete(t.nodes, said.Node)
		return Found{}, false
	}
	if e == nil {
		t.makeRoom()
		e = &entry{at: map[int]hearing{}}
		t.nodes[said.Node] = e
	}
	for i, h := range e.at {
		if !now.Before(h.expires) {
			delete(e.at, i)
		}
	}
	if _, known := e.at[index]; known || len(e.at) < placesMax {
		e.at[index] = hearing{said.port, addrs, now.Add(lifetime * time.Second)}
	}
	found := said.Found
	found.Addresses = e.addresses()
	news := e.reported.IsZero() || !same(e.said, found) || slices.ContainsFunc(found.Addresses, func(a string) bool { return !slices.Contains(e.last, a) })
	e.heard = now
	if !news && now.Sub(e.reported) < again || !t.rate.take(now) {
		return Found{}, false
	}
	e.said, e.reported, e.last = found, now, found.Addresses
	return found, true
}

// makeRoom forgets whom nothing was heard of for longest.
func (t *table) makeRoom() {
	if len(t.nodes) < nodesMax {
		return
	}
	oldest := ""
	for id, e := range t.nodes {
		if oldest == "" || e.heard.Before(t.nodes[oldest].heard) {
			oldest = id
		}
	}
	delete(t.nodes, oldest)
}

// addresses are those of all interfaces, the newest hearing first, those that
// hold for one link only last.
func (e *entry) addresses() []string {
	indexes := slices.SortedFunc(maps.Keys(e.at), func(a, b int) int {
		return cmp.Or(e.at[b].expires.Compare(e.at[a].expires), a-b)
	})
	var all []netip.AddrPort
	for _, i := range indexes {
		for _, addr := range e.at[i].addrs {
			all = append(all, netip.AddrPortFrom(addr, e.at[i].port))
		}
	}
	slices.SortStableFunc(all, func(a, b netip.AddrPort) int { return rank(a.Addr()) - rank(b.Addr()) })
	var texts []string
	for _, a := range all {
		if text := net.JoinHostPort(a.Addr().String(), strconv.Itoa(int(a.Port()))); !slices.Contains(texts, text) && len(texts) < addressesMax {
			texts = append(texts, text)
		}
	}
	return texts
}

func same(a, b Found) bool {
	return a.Cluster == b.Cluster && a.Name == b.Name && a.Role == b.Role && a.Version == b.Version
}

// bucket lets size things happen at once and one more each time.
type bucket struct {
	size int
	each time.Duration
	used time.Duration // of the size, as time until it is whole again
	at   time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.used = max(0, b.used-now.Sub(b.at))
	b.at = now
	if b.used+b.each > time.Duration(b.size)*b.each {
		return false
	}
	b.used += b.each
	return true
}
