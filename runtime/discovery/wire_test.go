//go:build linux

package discovery_test

import (
	"context"
	"io"
	"log"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/mdns"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"

	"github.com/picloud/picloud/runtime/discovery/lan"
)

var group = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// speaker is a host that says and hears what a test wants.
type speaker struct {
	network
	conn net.PacketConn
}

// speaker opens a socket at the host; port 0 is that of a plain resolver.
func (n network) speaker(h *lan.Host, port int) *speaker {
	n.Helper()
	s := &speaker{network: n}
	n.must(h.Do(func() (err error) {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		if s.conn, err = (&net.ListenConfig{}).ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)).String()); err != nil {
			return err
		}
		c := ipv4.NewPacketConn(s.conn)
		if err := c.SetMulticastInterface(ifi); err != nil {
			return err
		}
		return c.JoinGroup(ifi, group)
	}))
	n.Cleanup(func() { s.conn.Close() })
	return s
}

func question(name string, kind dnsmessage.Type, class dnsmessage.Class) dnsmessage.Question {
	return dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: kind, Class: class}
}

// ask asks all on the network.
func (s *speaker) ask(questions ...dnsmessage.Question) {
	s.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 77}, Questions: questions}
	packed, err := m.Pack()
	s.must(err)
	_, err = s.conn.WriteTo(packed, group)
	s.must(err)
}

// hear waits for an answer that the check wants.
func (s *speaker) hear(what string, want func(dnsmessage.Message) bool) dnsmessage.Message {
	s.Helper()
	s.must(s.conn.SetReadDeadline(time.Now().Add(patience)))
	buffer := make([]byte, 9000)
	for {
		n, _, err := s.conn.ReadFrom(buffer)
		if err != nil {
			s.Fatalf("%s: %v", what, err)
		}
		var m dnsmessage.Message
		if err := m.Unpack(buffer[:n]); err == nil && m.Response && want(m) {
			return m
		}
	}
}

func answers(m dnsmessage.Message, kind dnsmessage.Type) bool {
	return slices.ContainsFunc(m.Answers, func(r dnsmessage.Resource) bool { return r.Header.Type == kind })
}

func TestNodeTakesItsAnnouncementBackWhenItEnds(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, _ := n.plugged(2)
	s := n.speaker(b, 5353)
	p := n.start(a, fresh(1))
	s.hear("the announcement", func(m dnsmessage.Message) bool { return answers(m, dnsmessage.TypeSRV) && m.Answers[0].Header.TTL > 0 })
	n.must(p.input.Close())
	s.hear("the goodbye", func(m dnsmessage.Message) bool {
		return answers(m, dnsmessage.TypeSRV) && !slices.ContainsFunc(m.Answers, func(r dnsmessage.Resource) bool { return r.Header.TTL > 0 })
	})
}

// All may ask as often as they like: at most one answer a second goes to all.
func TestQueryStormIsAnsweredOnceASecond(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, _ := n.plugged(2)
	s := n.speaker(b, 5353)
	n.start(a, fresh(1))
	isAnswer := func(m dnsmessage.Message) bool { return answers(m, dnsmessage.TypePTR) }
	s.hear("the announcement", isAnswer)
	began := time.Now()
	storm := make(chan int)
	go func() {
		sent := 0
		defer func() { storm <- sent }()
		for ; time.Since(began) < 4*time.Second; sent++ {
			s.ask(question("_picloud._tcp.local.", dnsmessage.TypePTR, dnsmessage.ClassINET))
		}
	}()
	heard, over := 0, false
	for !over {
		s.hear("an answer", isAnswer)
		heard++
		over = time.Since(began) > 4*time.Second
	}
	seconds := time.Since(began).Seconds()
	t.Logf("%d questions, %d answers in %.1f s", <-storm, heard, seconds)
	if float64(heard) > seconds+3 { // the second announcement, and one at each end
		t.Errorf("%d answers to all in %.1f s", heard, seconds)
	}
}

func TestAnswersToOneAskerAreBounded(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, _ := n.plugged(2)
	n.start(a, fresh(1))
	s := n.speaker(b, 0)
	began := time.Now()
	asking := make(chan struct{})
	go func() {
		defer close(asking)
		for time.Since(began) < 3*time.Second {
			s.ask(question("_picloud._tcp.local.", dnsmessage.TypePTR, dnsmessage.ClassINET))
		}
	}()
	heard := 0
	s.hear("an answer after two seconds", func(dnsmessage.Message) bool {
		heard++
		return time.Since(began) > 2*time.Second
	})
	seconds := time.Since(began).Seconds()
	<-asking
	if float64(heard) > 16+10*seconds+1 {
		t.Errorf("%d answers to one asker in %.1f s", heard, seconds)
	}
}

// A plain resolver gets a plain answer: its id and question, short lifetimes,
// no bit that only multicast DNS knows (RFC 6762, section 6.7).
func TestClusterNameIsAnsweredToPlainResolversToo(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, _ := n.plugged(2)
	ready := member(1, one)
	ready.Domain = "picloud.local"
	p := n.start(a, ready)
	n.start(b, member(2, one)) // not ready: has no domain to answer for
	p.seesAt(2, "10.77.0.2:443")
	for name, port := range map[string]int{"plain": 0, "multicast": 5353} {
		h, _ := n.plugged(byte(10 + port%7))
		s := n.speaker(h, port)
		s.ask(question("PiCloud.local.", dnsmessage.TypeA, dnsmessage.ClassINET))
		m := s.hear(name, func(m dnsmessage.Message) bool {
			m.Answers = slices.DeleteFunc(m.Answers, func(r dnsmessage.Resource) bool { return r.Header.Name.String() != "picloud.local." })
			return answers(m, dnsmessage.TypeA)
		})
		m.Answers = slices.DeleteFunc(m.Answers, func(r dnsmessage.Resource) bool { return r.Header.Name.String() != "picloud.local." })
		for _, r := range m.Answers {
			if body, isA := r.Body.(*dnsmessage.AResource); isA && body.A != [4]byte{10, 77, 0, 1} {
				t.Errorf("%s: the cluster is said to be at %v", name, body.A)
			}
			if r.Header.Class != dnsmessage.ClassINET {
				t.Errorf("%s: a name that nodes have in common is said to be one node's: class %x", name, r.Header.Class)
			}
		}
		if name == "plain" && (m.ID != 77 || len(m.Questions) != 1 || m.Answers[0].Header.TTL > 10) {
			t.Errorf("plain answer: id %d, %d questions, %d s", m.ID, len(m.Questions), m.Answers[0].Header.TTL)
		}
	}
}

// Another program that knows the protocol finds a node and is found.
func TestForeignImplementationAgrees(t *testing.T) {
	n := newNetwork(t)
	a, _ := n.plugged(1)
	b, _ := n.plugged(2)
	quiet := log.New(io.Discard, "", 0)
	p := n.start(a, fresh(1))
	service, err := mdns.NewMDNSService("foreign", "_picloud._tcp", "", "foreign.local.", 444, []net.IP{net.IPv4(10, 77, 0, 2)},
		[]string{"txtvers=1", "id=" + id(2), "cluster=", "role=fresh", "port=444", "name=foreign"})
	n.must(err)
	n.must(b.Do(func() error {
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		server, err := mdns.NewServer(&mdns.Config{Zone: service, Iface: ifi, Logger: quiet})
		if err == nil {
			t.Cleanup(func() { _ = server.Shutdown() })
		}
		return err
	}))
	if found := p.seesAt(2, "10.77.0.2:444"); found.Name != "foreign" {
		t.Errorf("found %+v", found)
	}

	c, _ := n.plugged(3)
	entries := make(chan *mdns.ServiceEntry, 16)
	for over := time.Now().Add(patience); time.Now().Before(over); {
		// It opens its sockets itself. Over IPv4 it would need a route, and over
		// IPv6 it fails until the address is settled.
		_ = c.Do(func() error {
			ifi, err := net.InterfaceByName("eth0")
			if err != nil {
				return err
			}
			query := mdns.DefaultParams("_picloud._tcp")
			query.Entries, query.Timeout, query.Logger, query.Interface = entries, 300*time.Millisecond, quiet, ifi
			return mdns.Query(query)
		})
		for len(entries) > 0 {
			if e := <-entries; e.Port == 443 && slices.Contains(e.InfoFields, "id="+id(1)) {
				return
			}
		}
	}
	t.Error("the foreign client found no node")
}
