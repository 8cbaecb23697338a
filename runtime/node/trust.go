package node

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/peer"
)

// leading reports whether this node decides now.
func (n *Node) leading() bool {
	leadership, _ := n.consensus.Leadership()
	return leadership.Leading
}

// leader is the id of the node that leads, "" if none is known.
func (n *Node) leader() string {
	_, id := n.consensus.Leader()
	return id
}

// openTrust lets machines in, and lets those hold the cluster's keys that vote.
func (n *Node) openTrust(context.Context) error {
	n.enroller = enroll.New(enroll.Config{
		Door: n.door, State: n.state, Vault: n.vault, Actor: n.self(), Now: n.consensus.Now, Leading: n.leading, Logger: n.cfg.Logger,
	})
	n.run(n.enroller.Run)
	n.run(n.keepKeyrings)
	return nil
}

// Bounds of a request to be enrolled on its way to the leader.
const (
	enrollTime  = 15 * time.Second
	enrollBytes = 64 << 10
)

// enrollPath is where another member hands over who asked it to be let in, with
// the address from which that came.
const (
	enrollPath   = "/peer/enroll"
	enrollSource = "Picloud-Enroll-Source"
)

// enrollHere answers machines that ask this node: it lets them in if it leads, and
// asks the leader otherwise.
func (n *Node) enrollHere(w http.ResponseWriter, r *http.Request) {
	leader := n.leader()
	if n.leading() || leader == "" {
		n.enroller.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), enrollTime)
	defer cancel()
	if err := n.enrollThere(ctx, w, r, leader); err != nil {
		n.cfg.Logger.Info("the leader could not be asked to let a machine in", "error", err)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the leader of the cluster cannot be reached from here; try again", http.StatusServiceUnavailable)
	}
}

func (n *Node) enrollThere(ctx context.Context, w http.ResponseWriter, r *http.Request, leader string) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, enrollBytes))
	if err != nil {
		return err
	}
	forward, err := http.NewRequestWithContext(ctx, r.Method, "https://"+leader+enrollPath, bytes.NewReader(body))
	if err != nil {
		return err
	}
	forward.Header.Set(enrollSource, r.RemoteAddr)
	answer, err := n.port.Client().Do(forward)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, enrollBytes))
	if err != nil {
		return err
	}
	for _, name := range []string{"Content-Type", "Retry-After", "Allow", "Cache-Control"} {
		if value := answer.Header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(said) // who left needs no answer
	return nil
}

// enrollForward answers what another member was asked.
func (n *Node) enrollForward(w http.ResponseWriter, r *http.Request) {
	from := r.Clone(r.Context())
	from.RemoteAddr = r.Header.Get(enrollSource)
	n.enroller.ServeHTTP(w, from)
}

// renewals answers members that want another certificate.
func (n *Node) renewals() http.Handler { return n.enroller.Renewals(peer.Caller) }

// keepKeyrings lets exactly the nodes that vote hold the cluster's keys, while
// this node leads.
func (n *Node) keepKeyrings(ctx context.Context) {
	tail := n.views.Tail()
	for {
		if n.leading() {
			if err := n.entrust(ctx, ""); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Warn("who holds the cluster's keys could not be set; the next change tries again", "error", err)
			}
		}
		if _, err := tail.Next(ctx); err != nil {
			return
		}
	}
}

// entrust gives the cluster's keys to all that vote, and to one that is to: who
// leads needs them. "" is nobody.
func (n *Node) entrust(ctx context.Context, id string) error {
	n.entrusting.Lock()
	defer n.entrusting.Unlock()
	if n.cluster() == nil || n.members.Ref(n.identity.ID()) == "" {
		return nil // it is not founded yet
	}
	servers, _, err := n.consensus.Servers()
	if err != nil {
		return err
	}
	var holders []base.Ref
	hold := func(id string) {
		if ref := n.members.Ref(id); ref != "" && !slices.Contains(holders, ref) {
			holders = append(holders, ref)
		}
	}
	for _, s := range servers {
		if s.Voter {
			hold(consensus.NodeOf(s.ID))
		}
	}
	if id != "" {
		n.promoting = id
	}
	hold(n.promoting)
	commands, err := n.vault.Keyrings(holders)
	if err != nil || len(commands) == 0 {
		return err
	}
	return n.report(ctx, commands...)
}
