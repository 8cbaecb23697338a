//go:build linux

package discovery_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/discovery"
	"github.com/picloud/picloud/runtime/discovery/lan"
)

func TestNodesFindEachOtherOverIPv4WithoutARoute(t *testing.T) {
	n := newNetwork(t)
	var nodes []*node
	for i := range 3 {
		h := n.host()
		n.must(h.Without6())
		p, err := n.Plug(h, "eth0")
		n.must(err)
		n.must(p.SetAddress(address(byte(i + 1))))
		nodes = append(nodes, n.start(h, fresh(i+1)))
	}
	nodes[0].seesAt(3, "10.77.0.3:443")
	found := nodes[2].seesAt(1, "10.77.0.1:443")
	if found.Name != "pi-1" || found.Role != discovery.Fresh || found.Version != "test" || len(found.Addresses) != 1 {
		t.Errorf("found %+v", found)
	}
	nodes[1].seesAt(1, "10.77.0.1:443")
}

func TestNodesFindEachOtherOverIPv6Alone(t *testing.T) {
	n := newNetwork(t)
	var nodes []*node
	for i := range 2 {
		h := n.host()
		_, err := n.Plug(h, "eth0")
		n.must(err)
		nodes = append(nodes, n.start(h, fresh(i+1)))
	}
	found := nodes[0].seesAt(2, "[fe80::")
	nodes[1].seesAt(1, "[fe80::")
	if !strings.Contains(found.Addresses[0], "%eth0]:443") {
		t.Errorf("an address that holds on a link does not say on which: %s", found.Addresses[0])
	}
}

func TestBothFamiliesAreSaidAndOrdinaryAddressesComeFirst(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, _ := n.plugged(2)
	first := n.start(a, fresh(1))
	n.start(b, fresh(2))
	first.finds("both addresses", func(f discovery.Found) bool {
		return len(f.Addresses) == 2 && f.Addresses[0] == "10.77.0.2:443" && strings.HasPrefix(f.Addresses[1], "[fe80::")
	})
}

// A node with a foot in two networks says in each what holds there.
func TestEachInterfaceSaysItsOwnAddresses(t *testing.T) {
	n := newNetwork(t)
	other := anotherNetwork(t)
	middle, _ := n.plugged(1)
	p, err := other.Plug(middle, "eth1")
	n.must(err)
	n.must(p.SetAddress(address(101)))
	left, _ := n.plugged(2)
	right, _ := other.plugged(102)
	center := n.start(middle, fresh(1))
	for _, c := range []struct {
		node *node
		want string
	}{{n.start(left, fresh(2)), "10.77.0.1:443"}, {n.start(right, fresh(3)), "10.77.0.101:443"}} {
		found := c.node.seesAt(1, c.want)
		for _, a := range found.Addresses[1:] {
			if !strings.HasPrefix(a, "[fe80::") {
				t.Errorf("beside %s stands %s", c.want, a)
			}
		}
	}
	seen := map[string]bool{}
	center.finds("nodes 2 and 3", func(f discovery.Found) bool {
		seen[f.Node] = true
		return seen[id(2)] && seen[id(3)]
	})
}

func TestInterfacesComeAndGo(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b := n.host() // has no network yet
	first, second := n.start(a, fresh(1)), n.start(b, fresh(2))
	p, err := n.Plug(b, "eth0")
	n.must(err)
	n.must(p.SetAddress(address(2)))
	first.seesAt(2, "10.77.0.2:443")
	second.seesAt(1, "10.77.0.1:443")

	n.must(n.Unplug(p)) // and another in its place
	p, err = n.Plug(b, "wlan0")
	n.must(err)
	n.must(p.SetAddress(address(22)))
	first.seesAt(2, "10.77.0.22:443")
	second.finds("node 1 on the other interface", func(f discovery.Found) bool {
		return strings.Contains(strings.Join(f.Addresses, " "), "%wlan0")
	})

	n.must(p.Down())
	n.must(p.SetAddress(address(33))) // as a lease that is handed out anew
	n.must(p.Up())
	first.seesAt(2, "10.77.0.33:443")
	second.seesAt(1, "10.77.0.1:443")
}

func TestEveryAddressChangesAtOnce(t *testing.T) {
	n := newNetwork(t)
	a, left := n.plugged(1)
	b, right := n.plugged(2)
	first, second := n.start(a, member(1, one)), n.start(b, member(2, one))
	first.seesAt(2, "10.77.0.2:443")
	second.seesAt(1, "10.77.0.1:443")
	n.must(left.SetAddress(address(51)))
	n.must(right.SetAddress(address(52)))
	found := first.seesAt(2, "10.77.0.52:443")
	second.seesAt(1, "10.77.0.51:443")
	for _, a := range found.Addresses {
		if host, _, _ := net.SplitHostPort(a); host == "10.77.0.2" {
			t.Errorf("the old address is still said: %v", found.Addresses)
		}
	}
}

func TestClustersOnOneNetworkStayApart(t *testing.T) {
	n := newNetwork(t)
	var nodes []*node
	for i, s := range []setting{member(1, one), member(2, one), member(3, two), member(4, two), fresh(5)} {
		h, _ := n.plugged(byte(i + 1))
		nodes = append(nodes, n.start(h, s))
	}
	all := map[string]string{}
	nodes[4].finds("the nodes of both clusters", func(f discovery.Found) bool {
		all[f.Node] = f.Cluster
		return len(all) == 4
	})
	if all[id(1)] != one || all[id(2)] != one || all[id(3)] != two || all[id(4)] != two {
		t.Errorf("the fresh node found %v", all)
	}
	for i, other := range []int{2, 1, 4, 3} {
		nodes[i].seesAt(other, "10.77.0.")
		nodes[i].kill()
		for f := range nodes[i].found {
			if f.Node != id(other) {
				t.Errorf("node %d of one cluster found %+v", i+1, f)
			}
		}
	}
}

// After a power cut nobody took anything back, and all is found again at once.
func TestNodeThatWasKilledIsFoundAgain(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, port := n.plugged(2)
	first, second := n.start(a, member(1, one)), n.start(b, member(2, one))
	first.seesAt(2, "10.77.0.2:443")
	second.kill()
	n.must(port.SetAddress(address(77)))
	n.start(b, member(2, one))
	first.seesAt(2, "10.77.0.77:443")
}

func TestNodeWithALossyWireIsFound(t *testing.T) {
	n := newNetwork(t)
	a, left := n.plugged(1)
	b, right := n.plugged(2)
	bad := lan.Quality{Loss: 0.5, Twice: 0.5, Delay: 30 * time.Millisecond, Jitter: 30 * time.Millisecond}
	n.Set(left, right, bad)
	n.Set(right, left, bad)
	first := n.start(a, fresh(1))
	n.start(b, fresh(2))
	first.seesAt(2, "10.77.0.2:443")
}
