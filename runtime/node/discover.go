package node

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/picloud/picloud/runtime/discovery"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/peer"
)

// sightsMax bounds how many nodes of clusters a machine without one remembers. A new
// one takes the place of any: whoever fills the list must not keep others out of it.
const sightsMax = 64

// sights are the members of clusters that were seen on the network.
type sights struct {
	came chan struct{} // one of them is new; holds one word
	mu   sync.Mutex
	seen map[string]discovery.Found // by node
}

// openDiscovery lets nodes find each other on their networks; one that only
// listens to its own machine needs none.
func (n *Node) openDiscovery(context.Context) error {
	at, _ := n.cfg.Listener.Addr().(*net.TCPAddr)
	if n.unannounced || at == nil || at.IP.IsLoopback() {
		return nil
	}
	listen, _ := netip.AddrFromSlice(at.IP)
	found := discovery.Start(discovery.Config{
		Self: n.announcement, Port: at.Port, Listen: listen.Unmap(), Domain: n.answeredName, Seen: n.saw, Moved: n.port.Moved, Logger: n.cfg.Logger,
	})
	n.own(func() error { found.Close(); return nil })
	n.discovery.Store(found)
	return nil
}

// announceAnew tells the neighbours at once what has become of this node.
func (n *Node) announceAnew() {
	if found := n.discovery.Load(); found != nil {
		found.Refresh()
	}
}

// announcement is what the node says of itself on its networks.
func (n *Node) announcement() discovery.Found {
	self := discovery.Found{Node: n.identity.ID(), Name: n.cfg.Name, Role: discovery.Fresh, Version: n.cfg.Version}
	if m := n.record.Load(); m != nil {
		self.Cluster, self.Name, self.Role = m.Cluster, m.Name, discovery.Member
	}
	return self
}

// answeredName is the cluster's domain, once the node can answer for it.
func (n *Node) answeredName() string {
	m := n.record.Load()
	select {
	case <-n.serving:
		if m != nil && strings.HasSuffix(m.Domain, ".local") {
			return m.Domain
		}
	default:
	}
	return ""
}

// saw takes in what another node says of itself. It is a hint: whoever goes there
// checks the key.
func (n *Node) saw(f discovery.Found) {
	if m := n.record.Load(); m != nil {
		if f.Cluster == m.Cluster {
			n.book.Learn(f.Node, peer.FromNetwork, f.Addresses)
		}
		return
	}
	n.sights.mu.Lock()
	defer n.sights.mu.Unlock()
	_, known := n.sights.seen[f.Node]
	if f.Role != discovery.Member {
		delete(n.sights.seen, f.Node)
		return
	}
	if !known && len(n.sights.seen) >= sightsMax {
		for other := range n.sights.seen { // in no order
			delete(n.sights.seen, other)
			break
		}
	}
	if n.sights.seen == nil {
		n.sights.seen = map[string]discovery.Found{}
	}
	n.sights.seen[f.Node] = f
	if known {
		return
	}
	select {
	case n.sights.came <- struct{}{}:
	default: // who waits is woken already
	}
}

// candidates are where a new node may ask to be let in.
func (n *Node) candidates() (list []enroll.Candidate) {
	if len(n.cfg.Join) > 0 {
		list = append(list, enroll.Candidate{Addresses: n.cfg.Join})
	}
	n.sights.mu.Lock()
	defer n.sights.mu.Unlock()
	for _, f := range n.sights.seen {
		list = append(list, enroll.Candidate{Cluster: f.Cluster, Addresses: f.Addresses})
	}
	return list
}
