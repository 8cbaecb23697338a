//go:build linux

package lan_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/discovery/lan"
)

// pair is two hosts on a switch, each with a socket that the other may send to.
type pair struct {
	*testing.T
	network *lan.Switch
	ports   [2]*lan.Port
	sockets [2]*net.UDPConn
}

const timeout = 30 * time.Second

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{T: t, network: lan.NewSwitch(rand.Float64)}
	t.Cleanup(p.network.Close)
	for i := range p.ports {
		h, err := lan.NewHost()
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { h.Close() })
		p.must(h.Without6()) // so that nothing is carried but what a test sends
		if p.ports[i], err = p.network.Plug(h, "eth0"); err != nil {
			t.Skip(err)
		}
		p.must(p.ports[i].SetAddress(netip.PrefixFrom(address(i), 24)))
		p.must(h.Do(func() (err error) {
			p.sockets[i], err = net.ListenUDP("udp4", &net.UDPAddr{Port: 9})
			return err
		}))
		t.Cleanup(func() { p.sockets[i].Close() })
	}
	return p
}

func (p *pair) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func address(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 79, 0, byte(1 + i)}) }

func (p *pair) send(from int, text string) {
	p.Helper()
	_, err := p.sockets[from].WriteToUDPAddrPort([]byte(text), netip.AddrPortFrom(address(1-from), 9))
	p.must(err)
}

// hears is the next text that comes to a host.
func (p *pair) hears(at int) string {
	p.Helper()
	p.must(p.sockets[at].SetReadDeadline(time.Now().Add(timeout)))
	buffer := make([]byte, 64)
	n, _, err := p.sockets[at].ReadFromUDPAddrPort(buffer)
	p.must(err)
	return string(buffer[:n])
}

// loses waits until the switch has lost so many frames more than before.
func (p *pair) loses(before, n int64) {
	p.Helper()
	for over := time.Now().Add(timeout); p.network.Lost() < before+n; runtime.Gosched() {
		if time.Now().After(over) {
			p.Fatal("nothing is cut")
		}
	}
}

func TestCutIsOneWayAndHeals(t *testing.T) {
	p := newPair(t)
	p.send(0, "before") // both know each other's hardware address now
	if p.hears(1) != "before" {
		t.Fatal("nothing is carried")
	}
	p.network.Set(p.ports[0], p.ports[1], lan.Quality{Cut: true})
	before := p.network.Lost()
	p.send(0, "lost")
	p.loses(before, 1)
	p.send(1, "back")
	if p.hears(0) != "back" {
		t.Error("the cut is not one way")
	}
	p.network.Heal()
	p.send(0, "after")
	if got := p.hears(1); got != "after" {
		t.Errorf("heard %q through a cut", got)
	}
}

func TestPartCutsBothWays(t *testing.T) {
	p := newPair(t)
	p.send(0, "before")
	p.hears(1)
	p.network.Part(p.ports[0])
	before := p.network.Lost()
	p.send(0, "lost")
	p.send(1, "lost")
	p.loses(before, 2)
	p.network.Heal()
	p.send(0, "after")
	p.send(1, "after")
	if a, b := p.hears(0), p.hears(1); a != "after" || b != "after" {
		t.Errorf("heard %q and %q", a, b)
	}
}

func TestBadWireDelaysAndRepeats(t *testing.T) {
	p := newPair(t)
	p.send(0, "before")
	p.hears(1)
	p.network.Set(p.ports[0], p.ports[1], lan.Quality{Twice: 1, Delay: 50 * time.Millisecond})
	began := time.Now()
	p.send(0, "late")
	if a, b := p.hears(1), p.hears(1); a != "late" || b != "late" || time.Since(began) < 50*time.Millisecond {
		t.Errorf("heard %q and %q after %s", a, b, time.Since(began))
	}
}

// What runs in the process stays where it is: only Do is elsewhere.
func TestHostIsElsewhereAndWeAreNot(t *testing.T) {
	before, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	p := newPair(t)
	h, err := lan.NewHost()
	p.must(err)
	defer h.Close()
	wrong := errors.New("wrong")
	if err := h.Do(func() error {
		there, err := os.Readlink("/proc/thread-self/ns/net")
		if err != nil || there == before {
			t.Errorf("not elsewhere: %s %v", there, err)
		}
		return wrong
	}); !errors.Is(err, wrong) {
		t.Errorf("the error is %v", err)
	}
	if after, err := os.Readlink("/proc/thread-self/ns/net"); err != nil || after != before {
		t.Errorf("we are at %s, were at %s", after, before)
	}
}
