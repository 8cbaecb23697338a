//go:build linux

package lan

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	frameBytes  = 2048
	inFlightMax = 1 << 14 // frames that are delayed; more are lost

	up = unix.IFF_UP | unix.IFF_BROADCAST | unix.IFF_MULTICAST // flags of an interface that is up
)

// Quality is how a wire treats frames in one direction.
type Quality struct {
	Cut    bool
	Loss   float64       // share of frames that are lost
	Twice  float64       // share of frames that come twice
	Delay  time.Duration // of each
	Jitter time.Duration // more, up to this, by chance: frames overtake each other
}

// Switch joins the ports that are plugged into it.
type Switch struct {
	chance   func() float64
	inFlight atomic.Int64
	readers  sync.WaitGroup

	mu      sync.RWMutex
	ports   []*Port
	at      map[[6]byte]*Port // where a sender was heard
	quality map[[2]*Port]Quality
	lost    atomic.Int64
}

// Port is an interface of a host, plugged into a switch.
type Port struct {
	host *Host
	name string
	tap  *os.File
}

// NewSwitch makes a switch; chance is between 0 and 1, and may be called by
// several goroutines.
func NewSwitch(chance func() float64) *Switch {
	return &Switch{chance: chance, at: map[[6]byte]*Port{}, quality: map[[2]*Port]Quality{}}
}

// Plug gives the host an interface and plugs it in. It is up and has no
// IPv4 address.
func (s *Switch) Plug(h *Host, name string) (*Port, error) {
	p := &Port{host: h, name: name}
	err := h.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("/dev/net/tun: %w", err)
		}
		about, err := unix.NewIfreq(name)
		if err == nil {
			about.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, about)
		}
		if err != nil {
			unix.Close(fd)
			return fmt.Errorf("interface %s: %w", name, err)
		}
		p.tap = os.NewFile(uintptr(fd), name)
		return setFlags(name, up)
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.ports = append(s.ports, p)
	s.mu.Unlock()
	s.readers.Go(func() { s.read(p) })
	return p, nil
}

// Unplug takes the interface away from its host.
func (s *Switch) Unplug(p *Port) error {
	s.mu.Lock()
	s.ports = slices.DeleteFunc(s.ports, func(q *Port) bool { return p == q })
	for address, port := range s.at {
		if port == p {
			delete(s.at, address)
		}
	}
	for wire := range s.quality {
		if wire[0] == p || wire[1] == p {
			delete(s.quality, wire)
		}
	}
	s.mu.Unlock()
	return p.tap.Close()
}

// Close takes all interfaces away and returns when nothing is carried any more.
func (s *Switch) Close() {
	for {
		s.mu.RLock()
		var p *Port
		if len(s.ports) > 0 {
			p = s.ports[0]
		}
		s.mu.RUnlock()
		if p == nil {
			break
		}
		_ = s.Unplug(p)
	}
	s.readers.Wait()
}

// Set sets how frames from one port to another are treated.
func (s *Switch) Set(from, to *Port, q Quality) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quality[[2]*Port{from, to}] = q
}

// Part cuts both ways between the ports on one side and all others.
func (s *Switch) Part(side ...*Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.ports {
		for _, b := range s.ports {
			if slices.Contains(side, a) != slices.Contains(side, b) {
				s.quality[[2]*Port{a, b}] = Quality{Cut: true}
			}
		}
	}
}

// Heal makes all wires whole.
func (s *Switch) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.quality)
}

// Lost is how many frames were cut or lost.
func (s *Switch) Lost() int64 { return s.lost.Load() }

func (s *Switch) read(from *Port) {
	buffer := make([]byte, frameBytes)
	for {
		n, err := from.tap.Read(buffer)
		if err != nil {
			return
		}
		if n >= 14 { // an Ethernet header
			s.carry(from, buffer[:n])
		}
	}
}

// carry brings a frame to the port where its receiver was heard, or to all.
func (s *Switch) carry(from *Port, frame []byte) {
	to, by := [6]byte(frame[0:6]), [6]byte(frame[6:12])
	s.mu.RLock()
	known := s.at[by] == from
	s.mu.RUnlock()
	if !known {
		s.mu.Lock()
		s.at[by] = from
		s.mu.Unlock()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if port := s.at[to]; port != nil && to[0]&1 == 0 {
		if port != from {
			s.bring(from, port, frame)
		}
		return
	}
	for _, port := range s.ports {
		if port != from {
			s.bring(from, port, frame)
		}
	}
}

func (s *Switch) bring(from, to *Port, frame []byte) {
	q := s.quality[[2]*Port{from, to}]
	switch {
	case q == Quality{}:
		s.write(to, frame)
		return
	case q.Cut || q.Loss > 0 && s.chance() < q.Loss:
		s.lost.Add(1)
		return
	}
	times := 1
	if q.Twice > 0 && s.chance() < q.Twice {
		times++
	}
	for range times {
		wait := q.Delay + time.Duration(s.chance()*float64(q.Jitter))
		if s.inFlight.Add(1) > inFlightMax {
			s.inFlight.Add(-1)
			continue
		}
		later := slices.Clone(frame)
		time.AfterFunc(wait, func() {
			s.inFlight.Add(-1)
			s.write(to, later)
		})
	}
}

// write hands a frame over; an interface that is down takes none.
func (s *Switch) write(to *Port, frame []byte) {
	_, _ = to.tap.Write(frame)
}

// SetAddress gives the interface this IPv4 address in place of the one that it
// has; the network part of the prefix is its neighbourhood.
func (p *Port) SetAddress(prefix netip.Prefix) error {
	mask := net.CIDRMask(prefix.Bits(), 32)
	return p.host.Do(func() error {
		if err := control(p.name, unix.SIOCSIFADDR, func(about *unix.Ifreq) error {
			return about.SetInet4Addr(prefix.Addr().AsSlice())
		}); err != nil {
			return err
		}
		return control(p.name, unix.SIOCSIFNETMASK, func(about *unix.Ifreq) error { return about.SetInet4Addr(mask) })
	})
}

// Up and Down switch the interface on and off, as its host would.
func (p *Port) Up() error { return p.host.Do(func() error { return setFlags(p.name, up) }) }
func (p *Port) Down() error {
	return p.host.Do(func() error { return setFlags(p.name, up&^unix.IFF_UP) })
}
