package node

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"iter"
	"os"
	"time"

	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/state"
)

// identify opens the keys that the node is; in a new directory they are made.
// All else comes after them: where there is anything, the keys were, and one
// made now would be another node's.
func (n *Node) identify(context.Context) error {
	used, err := n.anyOf(membershipName, foundingName, "log", "raft")
	if err != nil {
		return err
	}
	n.identity, err = iam.OpenIdentity(iam.IdentityConfig{Dir: n.path("keys"), Names: n.cfg.Names, Now: n.now, Founded: used})
	n.members = &iam.Members{State: n.state, Stranger: n.stranger}
	return err
}

// anyOf reports whether the directory holds one of these.
func (n *Node) anyOf(names ...string) (bool, error) {
	for _, name := range names {
		if _, err := os.Stat(n.path(name)); !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// state is what the node has folded of the cluster; nil before it has begun.
func (n *Node) state() *state.State {
	if views := n.folded.Load(); views != nil {
		return views.State()
	}
	return nil
}

// lookPause is how long who follows the states rests between two of them.
const lookPause = 10 * time.Millisecond

// states gives the present state and what it becomes, until ctx ends: each state
// after a quiet time, and not all of those that follow each other at once.
func (n *Node) states(ctx context.Context) iter.Seq[*state.State] {
	return func(yield func(*state.State) bool) {
		for {
			now, superseded := n.views.Changed()
			if !yield(now) {
				return
			}
			rested := time.After(lookPause)
			select {
			case <-superseded:
			case <-ctx.Done():
				return
			}
			select {
			case <-rested:
			case <-ctx.Done():
				return
			}
		}
	}
}

// now is the time by the node's clock, or that of the log where the clock is
// behind: certificates of a machine without a clock would be of 1970.
func (n *Node) now() time.Time {
	now := n.cfg.Now()
	if views := n.folded.Load(); views != nil {
		if last := views.State().Time.Std(); last.After(now) {
			return last
		}
	}
	return now
}

// TLS is how the node proves who it is.
func (n *Node) TLS() *tls.Config { return n.identity.ServerConfig() }

// CA is the certificate of the cluster's authority, in PEM.
func (n *Node) CA() []byte { return n.identity.Authority() }
