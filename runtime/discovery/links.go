package discovery

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Bounds of what takes part. A machine that runs containers has interfaces
// by the dozen; those with ordinary addresses come first.
const (
	interfacesMax = 16
	announcements = 2 // of each news (RFC 6762, section 8.3)
	between       = time.Second
)

// place is an interface in one family.
type place struct {
	index  int
	family family
}

// link is what is known and due at a place.
type link struct {
	place
	prefixes []netip.Prefix // the interface's own, of both families
	source   netip.Addr     // of what is sent

	announce   int       // announcements that are still to be sent
	announceAt time.Time // when the next one is
	pending    asked     // what is asked for by all and not answered yet
	answerAt   time.Time // when that is answered
	quietUntil time.Time // no answer to all before
	alone      bucket    // of answers to one asker
	failing    bool      // the last send failed, and the log says so
}

// near says that an address is reached over the link without a router.
func (l *link) near(addr netip.Addr) bool {
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		return l.family == six
	}
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Contains(addr.WithZone("")) })
}

// own are the addresses that are announced, those most likely to serve first.
func (l *link) own() []netip.Addr {
	addrs := make([]netip.Addr, len(l.prefixes))
	for i, p := range l.prefixes {
		addrs[i] = p.Addr()
	}
	return addrs
}

// interfaces are those that take part now, by index, with their addresses.
func interfaces(listen netip.Addr) (map[int][]netip.Prefix, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	type candidate struct {
		index    int
		prefixes []netip.Prefix
	}
	var some []candidate
	for _, ifi := range all {
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 || ifi.Flags&net.FlagPointToPoint != 0 {
			continue
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			continue // it went away meanwhile
		}
		if prefixes := usable(addrs, listen); len(prefixes) > 0 {
			some = append(some, candidate{ifi.Index, prefixes})
		}
	}
	slices.SortFunc(some, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(rank(a.prefixes[0].Addr()), rank(b.prefixes[0].Addr())), a.index-b.index)
	})
	chosen := map[int][]netip.Prefix{}
	for _, c := range some[:min(len(some), interfacesMax)] {
		chosen[c.index] = c.prefixes
	}
	return chosen, nil
}

// usable are the addresses of an interface that the node serves at, best first.
func usable(addrs []net.Addr, listen netip.Addr) (prefixes []netip.Prefix) {
	for _, a := range addrs {
		network, isNetwork := a.(*net.IPNet)
		if !isNetwork {
			continue
		}
		addr, ok := netip.AddrFromSlice(network.IP)
		bits, _ := network.Mask.Size()
		if addr = addr.Unmap(); !ok || !serves(listen, addr) {
			continue
		}
		prefixes = append(prefixes, netip.PrefixFrom(addr, bits))
	}
	slices.SortStableFunc(prefixes, func(a, b netip.Prefix) int {
		return cmp.Or(cmp.Compare(rank(a.Addr()), rank(b.Addr())), a.Addr().Compare(b.Addr()))
	})
	return prefixes[:min(len(prefixes), addressesMax)]
}

// serves says that who listens at one address is reached at another. Nobody
// else reaches a loopback address, so it counts only where it was meant.
func serves(listen, addr netip.Addr) bool {
	if !listen.IsValid() || listen.IsUnspecified() {
		return !addr.IsLoopback()
	}
	return listen.Unmap().WithZone("") == addr
}

// rank orders addresses by how widely they serve.
func rank(addr netip.Addr) int {
	if addr.IsLinkLocalUnicast() {
		return 1
	}
	return 0
}

// zone is what an address of a link is qualified with.
func zone(index int) string {
	ifi, err := net.InterfaceByIndex(index)
	if err != nil {
		return strconv.Itoa(index)
	}
	return ifi.Name
}
