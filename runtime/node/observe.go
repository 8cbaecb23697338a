package node

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/compaction"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/insight"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/peer"
)

// self is the address of this node.
func (n *Node) self() base.Ref { return base.Ref("/nodes/" + n.cfg.Name) }

// report asks for changes in the name of this node, where it leads.
func (n *Node) report(ctx context.Context, commands ...domain.Command) error {
	_, err := n.door.Do(ctx, &command.Request{
		Principal:   command.Principal{Actor: n.self(), Role: command.Platform},
		Correlation: uuid.Must(uuid.NewV7()).String(),
		Commands:    commands,
	})
	return err
}

// lookAfter begins what goes on for ever beside the requests: this node keeps its
// certificate current and measures its machine; while it leads, it keeps the
// consensus as the members are, and the log compact.
func (n *Node) lookAfter(context.Context) error {
	loop := membership.Start(membership.Config{
		Self: n.identity.ID(), Consensus: n.consensus, Views: n.views,
		Say: func(ctx context.Context, c domain.Command) error { return n.report(ctx, c) },
		Ask: membership.Asking(n.port.Client()), Status: n.standingNow, Entrust: n.entrust, Rules: n.cfg.Rules, Logger: n.cfg.Logger,
	})
	n.loop.Store(loop)
	n.own(func() error { loop.Close(); return nil })
	renewer := &enroll.Renewer{
		Identity: n.identity, Name: n.cfg.Name, Vault: n.vault, Leading: n.leading, Leader: n.leader,
		Client: n.port.Client(), Now: n.cfg.Now, Logger: n.cfg.Logger,
	}
	n.run(renewer.Run)
	n.run(func(ctx context.Context) {
		compaction.Run(ctx, compaction.Config{
			Log: n.log, Cluster: n.cluster, Now: n.consensus.Now, Leading: n.leading,
			Submit: func(ctx context.Context, c domain.Command) error { return n.report(ctx, c) }, Every: n.cfg.Compact, Logger: n.cfg.Logger,
		})
	})
	if n.cfg.Measure < 0 {
		return nil
	}
	measuring := insight.Start(n.insightConfig())
	n.insight.Store(measuring)
	n.own(func() error { measuring.Close(); return nil })
	return nil
}

func (n *Node) insightConfig() insight.Config {
	return insight.Config{
		Self: n.identity.ID(), Own: n.status, Log: n.logFigures, Authority: n.identity.AuthorityFingerprint,
		Meter:  &insight.Meter{Root: os.DirFS("/"), Disk: insight.DiskOf(n.cfg.Dir), Now: n.cfg.Now},
		Leader: n.leader, Leading: func() (bool, <-chan struct{}) {
			leadership, changed := n.consensus.Leadership()
			return leadership.Leading, changed
		},
		State: n.state, Say: n.report, Peers: n.port.Client(), Caller: peer.Caller, Every: n.cfg.Measure, Logger: n.cfg.Logger,
	}
}

// Surveyor looks at all nodes, from here.
func (n *Node) Surveyor() *membership.Surveyor {
	return &membership.Surveyor{
		Self: n.identity.ID(), Consensus: n.consensus, Views: n.views, Log: n.log, Status: n.standingNow, Peers: n.port.Client(),
	}
}

// standingNow is what members are told who ask how this node is.
func (n *Node) standingNow() membership.Status {
	now, stats := n.views.State(), n.consensus.Stats()
	leader, _ := n.consensus.Leader()
	size, used, _ := insight.DiskOf(n.cfg.Dir)() // 0 where it cannot be told
	return membership.Status{
		ID: n.identity.ID(), RaftID: n.consensus.RaftID(), Version: n.cfg.Version, Level: schema.Level, Reached: membership.LevelOf(now), Model: schema.ModelDigest,
		Position: now.Position, Chain: membership.Chain(now.Chain), Applied: stats.AppliedIndex, Leader: leader, Full: n.consensus.Full(), Clock: n.cfg.Now().UnixMilli(),
		DiskSize: size, DiskUsed: used,
	}
}

// status is what the node knows of itself beside figures.
func (n *Node) status() domain.NodeStatus {
	hostname, _ := os.Hostname() // "" where the machine has no name
	fingerprint, expires := n.identity.Fingerprint()
	ips, port := n.addresses()
	return domain.NodeStatus{
		ID: n.identity.ID(), WrapKey: n.identity.WrapKey(), Version: n.cfg.Version, Level: new(int64(schema.Level)), Incarnation: n.incarnation(),
		Hostname: label(hostname), Addresses: ips, Port: port,
		Capacity:        &domain.NodeCapacity{CPU: new(int64(runtime.NumCPU()) * 1000)},
		CertFingerprint: fingerprint, CertExpiresAt: base.TimeOf(expires),
	}
}

// incarnation is that of the node's place in the consensus; nil is the first. The
// cluster remembers it for a node that loses its own count together with its
// place, which must never come back as one that it was (renew).
func (n *Node) incarnation() *int64 {
	if i := consensus.IncarnationOf(n.consensus.RaftID()); i > 0 {
		return new(int64(i))
	}
	return nil
}

// logFigures are what the event log takes and grows by.
func (n *Node) logFigures() insight.LogFigures {
	raw, archived := n.log.Size()
	f := insight.LogFigures{Position: base.Position(n.log.Head().Position), Size: raw + archived, Daily: -1}
	if daily, known := n.log.Daily(time.Now()); known {
		f.Daily = daily
	}
	return f
}
