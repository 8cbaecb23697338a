package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
)

const (
	mdnsPort = 5353
	hops     = 255 // RFC 6762, section 11
)

// family is a version of the Internet protocol.
type family int

const (
	four family = iota
	six
	families
)

func (f family) String() string { return [...]string{"IPv4", "IPv6"}[f] }

func (f family) group() netip.AddrPort {
	return [...]netip.AddrPort{
		netip.AddrPortFrom(netip.AddrFrom4([4]byte{224, 0, 0, 251}), mdnsPort),
		netip.AddrPortFrom(netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0xfb}), mdnsPort),
	}[f]
}

// of says that an address is of the family.
func (f family) of(addr netip.Addr) bool { return addr.Is4() == (f == four) }

// socket is the one for all interfaces in a family: each datagram tells where
// it came in, and is told where to go out.
type socket struct {
	family family
	conn   net.PacketConn
	v4     *ipv4.PacketConn
	v6     *ipv6.PacketConn
}

// datagram is one that came in.
type datagram struct {
	family family
	index  int            // of the interface
	from   netip.AddrPort // its zone is the interface's
	group  bool           // it was sent to all, not to this machine
	query  *query
	nodes  []heard
}

// open shares the port with whoever else speaks multicast DNS on the machine.
func open(ctx context.Context, f family) (*socket, error) {
	listen := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var shared error
		err := raw.Control(func(fd uintptr) {
			shared = errors.Join(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
		})
		return errors.Join(err, shared)
	}}
	network, any := "udp4", "0.0.0.0"
	if f == six {
		network, any = "udp6", "[::]"
	}
	conn, err := listen.ListenPacket(ctx, network, fmt.Sprintf("%s:%d", any, mdnsPort))
	if err != nil {
		return nil, err
	}
	s := &socket{family: f, conn: conn}
	if f == four {
		s.v4 = ipv4.NewPacketConn(conn)
		err = errors.Join(s.v4.SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true),
			s.v4.SetMulticastTTL(hops), s.v4.SetTTL(hops), s.v4.SetMulticastLoopback(true))
	} else {
		s.v6 = ipv6.NewPacketConn(conn)
		err = errors.Join(s.v6.SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true),
			s.v6.SetMulticastHopLimit(hops), s.v6.SetHopLimit(hops), s.v6.SetMulticastLoopback(true))
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// join makes the interface's network send here what goes to the group.
// Membership outlasts the interface going down and ends with the interface.
func (s *socket) join(index int) error {
	ifi, group := &net.Interface{Index: index}, &net.UDPAddr{IP: s.family.group().Addr().AsSlice()}
	var err error
	if s.family == four {
		err = s.v4.JoinGroup(ifi, group)
	} else {
		err = s.v6.JoinGroup(ifi, group)
	}
	if errors.Is(err, unix.EADDRINUSE) { // joined already
		return nil
	}
	return err
}

// send sends from an address of the interface with that index.
func (s *socket) send(packet []byte, index int, from netip.Addr, to netip.AddrPort) error {
	address := net.UDPAddrFromAddrPort(to)
	var err error
	if s.family == four {
		_, err = s.v4.WriteTo(packet, &ipv4.ControlMessage{IfIndex: index, Src: from.AsSlice()}, address)
	} else {
		_, err = s.v6.WriteTo(packet, &ipv6.ControlMessage{IfIndex: index}, address)
	}
	return err
}

// receive reads one datagram into the buffer. parsed is false for one that is
// not worth more.
func (s *socket) receive(buffer []byte) (d datagram, parsed bool, err error) {
	var n int
	var from net.Addr
	var to net.IP
	if s.family == four {
		var about *ipv4.ControlMessage
		if n, about, from, err = s.v4.ReadFrom(buffer); about != nil {
			d.index, to = about.IfIndex, about.Dst
		}
	} else {
		var about *ipv6.ControlMessage
		if n, about, from, err = s.v6.ReadFrom(buffer); about != nil {
			d.index, to = about.IfIndex, about.Dst
		}
	}
	if err != nil {
		return d, false, err
	}
	address, isUDP := from.(*net.UDPAddr)
	if !isUDP || d.index == 0 {
		return d, false, nil
	}
	sender := address.AddrPort()
	d.family, d.from, d.group = s.family, netip.AddrPortFrom(sender.Addr().Unmap(), sender.Port()), to.IsMulticast()
	d.query, d.nodes, err = parse(buffer[:n])
	return d, err == nil, nil
}
