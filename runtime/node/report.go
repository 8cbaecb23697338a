package node

import (
	"context"
	"iter"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/reconcile"
	"github.com/picloud/picloud/runtime/state"
)

// reportEvery is how often the node looks at itself. A look that finds nothing
// new writes no event.
const reportEvery = time.Minute

// self is the address of this node.
func (n *Node) self() base.Ref { return base.Ref("/nodes/" + n.cfg.Name) }

// startReporter keeps what the cluster knows of this node true.
func (n *Node) startReporter() {
	reporter := reconcile.Start(reconcile.Config{
		Views:  n.views,
		Keys:   func(*state.State) iter.Seq[base.Ref] { return slices.Values([]base.Ref{n.self()}) },
		Port:   n.observe,
		Resync: reportEvery,
		Logger: n.cfg.Logger,
	})
	n.own(func() error { reporter.Close(); return nil })
}

// observe reports what this node is, where it can: the leader takes reports.
func (n *Node) observe(ctx context.Context, self base.Ref) error {
	if leadership, _ := n.consensus.Leadership(); !leadership.Leading {
		return nil
	}
	status, err := n.status()
	if err != nil {
		return err
	}
	return n.report(ctx, &domain.ObserveNode{Ref: self, Status: status}, &domain.ObserveCluster{
		Ref: "/", Status: domain.ClusterStatus{CAFingerprint: n.identity.AuthorityFingerprint()},
	})
}

// report asks for changes in the name of this node.
func (n *Node) report(ctx context.Context, commands ...domain.Command) error {
	_, err := n.door.Do(ctx, &command.Request{
		Principal:   command.Principal{Actor: n.self(), Role: command.Platform},
		Correlation: uuid.Must(uuid.NewV7()).String(),
		Commands:    commands,
	})
	return err
}

// status is what the node knows of itself.
func (n *Node) status() (domain.NodeStatus, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return domain.NodeStatus{}, err
	}
	fingerprint, expires := n.identity.Fingerprint()
	ips, port := n.addresses()
	status := domain.NodeStatus{
		ID: n.identity.ID(), WrapKey: n.identity.WrapKey(), Version: n.cfg.Version,
		Hostname: label(hostname), Addresses: ips, Port: port,
		Capacity:        &domain.NodeCapacity{CPU: new(int64(runtime.NumCPU()) * 1000)},
		CertFingerprint: fingerprint, CertExpiresAt: base.TimeOf(expires),
	}
	measure(n.cfg.Dir, status.Capacity)
	return status, nil
}
