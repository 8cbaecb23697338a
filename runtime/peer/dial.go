package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"
)

// ErrUnreachable: there is no connection to a member, and nothing was sent.
var ErrUnreachable = errors.New("the node cannot be reached")

// ErrRefused: the other side does not let this node in: to it, it is no member.
var ErrRefused = errors.New("it does not let this node in")

// Dialling.
const (
	attemptsMax = 24                     // addresses that are tried: more than anybody can announce
	headStart   = 250 * time.Millisecond // of an address before the next (RFC 8305, section 5)
)

// dial connects to a member: its addresses are tried one after the other, the
// next one when the one before fails or takes long; the first that the holder of
// the key answers and lets this node in at wins.
func (p *Port) dial(ctx context.Context, id, protocol string) (*wire, error) {
	if err := p.cfg.Admits(id); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, &refusal{id: id, cause: err})
	}
	addresses := p.cfg.Addresses(id)
	if len(addresses) == 0 {
		return nil, fmt.Errorf("%w: no address of node %s is known", ErrUnreachable, id)
	}
	ctx, cancel := context.WithTimeout(ctx, p.cfg.Limits.Handshake)
	defer cancel()
	w, address, err := race(ctx, addresses[:min(len(addresses), attemptsMax)], func(ctx context.Context, address string) (*wire, error) {
		return p.dialAddress(ctx, id, protocol, address)
	})
	if err != nil {
		return nil, fmt.Errorf("%w: node %s: %w", ErrUnreachable, id, err)
	}
	if err := errors.Join(p.conns.join(w), p.cfg.Admits(id)); err != nil { // Drop may have come between
		w.cut()
		return nil, fmt.Errorf("%w: node %s: %w", ErrUnreachable, id, err)
	}
	p.cfg.Reached(id, address)
	return w, nil
}

// attempt is what became of one address.
type attempt struct {
	wire    *wire
	address string
	err     error
}

// race tries addresses until one succeeds; those that are still tried then are
// given up.
func race(ctx context.Context, addresses []string, try func(context.Context, string) (*wire, error)) (*wire, string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan attempt) // each attempt is waited for
	next := time.NewTimer(0)
	defer next.Stop()
	var won attempt
	var failures []error
	for running := 0; running > 0 || len(addresses) > 0; {
		select {
		case <-next.C:
			if len(addresses) == 0 {
				continue
			}
			address := addresses[0]
			addresses, running = addresses[1:], running+1
			go func() {
				w, err := try(ctx, address)
				results <- attempt{w, address, err}
			}()
			next.Reset(headStart)
		case result := <-results:
			running--
			switch {
			case result.err == nil && won.wire == nil:
				won, addresses = result, nil
				cancel()
			case result.err == nil:
				result.wire.cut()
			case won.wire == nil:
				failures = append(failures, result.err)
				next.Reset(0)
			}
		}
	}
	if won.wire == nil {
		return nil, "", errors.Join(slices.CompactFunc(failures, func(a, b error) bool { return a.Error() == b.Error() })...)
	}
	return won.wire, won.address, nil
}

// dialAddress tries one address: the key must be the member's, and it must say
// that this node is in.
func (p *Port) dialAddress(ctx context.Context, id, protocol, address string) (*wire, error) {
	raw, err := connect(ctx, address)
	if err != nil {
		return nil, err
	}
	below := p.conns.track(raw)
	conn := tls.Client(below, p.clientConfig(id, protocol))
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = below.Close()
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	if err := awaitWelcome(ctx, conn, below); err != nil {
		_ = below.Close()
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return &wire{Conn: conn, below: below, id: id, protocol: protocol}, nil
}

// awaitWelcome waits until the other side says that this node is in.
func awaitWelcome(ctx context.Context, conn *tls.Conn, below *tracked) error {
	interrupt := context.AfterFunc(ctx, func() { _ = below.Close() })
	var word [1]byte
	_, err := io.ReadFull(conn, word[:])
	switch {
	case !interrupt():
		return context.Cause(ctx)
	case isAlert(err):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case err != nil:
		return fmt.Errorf("it ended the connection: %w", err)
	case word[0] != welcome:
		return fmt.Errorf("it speaks another protocol than this node (said %#x)", word[0])
	}
	return nil
}

// isAlert reports that the other side ended the connection with an alert of TLS.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}
