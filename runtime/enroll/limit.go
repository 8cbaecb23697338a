package enroll

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// limiter lets each address do something so often a minute (a token bucket). It
// remembers a bounded number of addresses; those that come when it is full share
// one allowance.
type limiter struct {
	rate int // a minute, and at once

	mu      sync.Mutex
	buckets map[netip.Prefix]bucket
}

// bucket is what is left of an allowance at a time.
type bucket struct {
	left float64
	at   time.Time
}

// addressesKept is how many addresses a limiter remembers: half a megabyte.
const addressesKept = 4096

func newLimiter(rate int) *limiter { return &limiter{rate: rate, buckets: map[netip.Prefix]bucket{}} }

// take uses one of an address's allowance. Where none is left it says how long
// until there is.
func (l *limiter) take(address netip.Addr, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := network(address)
	b, known := l.buckets[place]
	if !known && len(l.buckets) >= addressesKept {
		l.forget(now)
		if len(l.buckets) >= addressesKept {
			place = netip.Prefix{}
			b, known = l.buckets[place]
		}
	}
	if !known {
		b = bucket{left: float64(l.rate), at: now}
	}
	b.left = min(float64(l.rate), b.left+now.Sub(b.at).Minutes()*float64(l.rate))
	b.at = now
	if b.left < 1 {
		wait = time.Duration((1 - b.left) / float64(l.rate) * float64(time.Minute))
	} else {
		b.left--
	}
	l.buckets[place] = b
	return max(wait, 0)
}

// forget drops who has the whole allowance again.
func (l *limiter) forget(now time.Time) {
	for place, b := range l.buckets {
		if now.Sub(b.at) >= time.Minute {
			delete(l.buckets, place)
		}
	}
}

// network is what one customer of a network has: an IPv4 address, or the /64 of
// an IPv6 address (RFC 6177).
func network(address netip.Addr) netip.Prefix {
	bits := 64
	if address.Is4() {
		bits = 32
	}
	prefix, err := address.Prefix(bits)
	if err != nil { // an address of neither family
		return netip.Prefix{}
	}
	return prefix
}

// send answers with something that only holds now.
func send(w http.ResponseWriter, status int, media string, body any) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a machine that left is no error of ours
}
