package enroll

import (
	"net/netip"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// Message is what a machine sends.
type Message = message

// Signed makes a message as a machine does, changed before and after it is
// signed.
func Signed(cfg JoinConfig, authority string, fill, after func(*Message)) (*Message, error) {
	j, err := newJoiner(cfg)
	if err != nil {
		return nil, err
	}
	m, err := j.message(authority, fill)
	if err == nil && after != nil {
		after(m)
	}
	return m, err
}

// Commitment, Code and Challenge are the arithmetic of pairing.
func Commitment(nonce string) string { return commitment(nonce) }

func Code(authority, id, wrapKey, nonce, challenge string) string {
	return code(authority, id, wrapKey, nonce, challenge)
}

func Challenge(secret []byte, at time.Time, commitment, id, wrapKey string) string {
	return challenge(secret, at, commitment, id, wrapKey)
}

func Challenged(given string, secret []byte, at time.Time, commitment, id, wrapKey string) bool {
	return challenged(given, secret, at, commitment, id, wrapKey)
}

// Read judges the form of a message.
func Read(body []byte) error {
	_, err := read(body, netip.MustParseAddr("192.0.2.1"))
	return err
}

// Limiter counts by address.
type Limiter = limiter

func NewLimiter(rate int) *Limiter { return newLimiter(rate) }

func (l *limiter) Take(address string, now time.Time) time.Duration {
	return l.take(netip.MustParseAddr(address), now)
}

func (l *limiter) Len() int { return len(l.buckets) }

// Line makes one line of a sentence.
func Line(text string) string { return line(text) }

// Postponed is how long a machine waits after a refusal that holds for now.
func Postponed(refused *base.Error) time.Duration {
	return (&joiner{}).postponed(refused)
}
