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

// observe reports what this node is and that it leads.
func (n *Node) observe(ctx context.Context, self base.Ref) error {
	status, err := n.status()
	if err != nil {
		return err
	}
	for _, c := range n.becoming(self, status) {
		if err := n.report(ctx, c); err != nil {
			return err
		}
	}
	return n.report(ctx, &domain.ObserveNode{Ref: self, Status: status}, &domain.ObserveCluster{
		Ref: "/", Status: domain.ClusterStatus{CAFingerprint: n.ca.Fingerprint()},
	})
}

// becoming is what makes this node the leader and only voter that it is.
func (n *Node) becoming(self base.Ref, status domain.NodeStatus) (commands []domain.Command) {
	node, _ := n.views.View().State.Get(self).(*domain.Node)
	if node == nil {
		commands = append(commands, &domain.EnrollNode{Ref: self, Status: status})
	}
	if node == nil || node.Phase == domain.PhaseApproved {
		commands = append(commands, &domain.JoinNode{Ref: self})
	}
	if node == nil || node.Status.RaftRole != domain.RaftRoleVoter {
		commands = append(commands, &domain.PromoteNode{Ref: self})
	}
	return append(commands, &domain.LeadCluster{Ref: "/", Leader: self})
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
	fingerprint, expires, err := n.leaf.Fingerprint()
	if err != nil {
		return domain.NodeStatus{}, err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return domain.NodeStatus{}, err
	}
	status := domain.NodeStatus{
		Hostname: label(hostname), IsLeader: new(true),
		Addresses:       addresses(n.cfg.Names),
		Capacity:        &domain.NodeCapacity{CPU: new(int64(runtime.NumCPU()) * 1000)},
		CertFingerprint: fingerprint, CertExpiresAt: base.TimeOf(expires),
	}
	measure(n.cfg.Dir, status.Capacity)
	return status, nil
}
