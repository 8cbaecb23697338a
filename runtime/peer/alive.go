package peer

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// lookEvery is how often the connections with members are looked at; one that
// is stalled at two looks is cut. TCP itself would go on for a quarter of an hour,
// and what it sends again after a cable was plugged in comes ever more rarely.
const lookEvery = 500 * time.Millisecond

// asking makes the kernel ask whether anybody is there while nothing else is
// sent, so that dead connections do not wait to be used.
func asking() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 3}
}

// watch cuts connections with members whose machine is silent, until ctx ends.
func (p *Port) watch(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	suspects := map[*wire]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := map[*wire]bool{}
		for _, w := range p.conns.withMembers() {
			switch {
			case !stalled(w.below.Conn):
			case suspects[w]:
				w.cut()
			default:
				now[w] = true
			}
		}
		suspects = now
	}
}

// Moved is to be called when addresses of this machine may have changed: it cuts
// the connections with members at addresses that are no more, because nothing
// comes back to them.
func (p *Port) Moved() {
	own, err := net.InterfaceAddrs()
	if err != nil {
		return // then silence tells
	}
	var here []netip.Addr
	for _, address := range own {
		if network, is := address.(*net.IPNet); is {
			if ip, ok := netip.AddrFromSlice(network.IP); ok {
				here = append(here, ip.Unmap())
			}
		}
	}
	for _, w := range p.conns.withMembers() {
		tcp, is := w.LocalAddr().(*net.TCPAddr)
		if is && !slices.Contains(here, tcp.AddrPort().Addr().Unmap().WithZone("")) {
			w.cut()
		}
	}
}
