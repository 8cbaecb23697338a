package peer

import (
	"context"
	"errors"
	"net"
	"time"
)

const (
	// connectAgain is when a second connection is begun beside one that nobody
	// answers. The kernel says hello again after 1 s, 3 s and 7 s only, and a network
	// that was broken may work long before.
	connectAgain = 300 * time.Millisecond
	connectTime  = 2 * time.Second // for one connection to be answered
)

// connect makes a TCP connection: the first one that is answered, or the first
// refusal.
func connect(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		conn net.Conn
		err  error
	}
	outcomes := make(chan outcome) // each is waited for
	again := time.NewTimer(0)
	defer again.Stop()
	var answer outcome
	ended := false
	for running := 0; running > 0 || !ended; {
		select {
		case <-again.C:
			if ended {
				continue
			}
			running++
			go func() {
				dialer := net.Dialer{Timeout: connectTime, KeepAliveConfig: asking()}
				conn, err := dialer.DialContext(ctx, "tcp", address)
				outcomes <- outcome{conn, err}
			}()
			again.Reset(connectAgain)
		case came := <-outcomes:
			running--
			switch {
			case ended && came.err == nil:
				_ = came.conn.Close()
			case !ended && (came.err == nil || !timedOut(came.err) || ctx.Err() != nil):
				answer, ended = came, true
				cancel()
			}
		}
	}
	return answer.conn, answer.err
}

// timedOut says that nobody answered.
func timedOut(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}
