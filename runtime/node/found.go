package node

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/google/uuid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/iam"
)

// welcome is what a person who looks at everything sees first.
const welcome = "Start here: this is the cluster. What belongs to it: SELECT ?resource ?kind { ?resource <https://picloud.local/ontology#kind> ?kind }"

// found writes the first events of a new cluster, and what this node knows of
// itself at each start.
func (n *Node) found(ctx context.Context) error {
	if n.views.View().State.Get("/") == nil {
		text := welcome
		if err := n.report(ctx, &domain.DeclareCluster{Ref: "/", Spec: domain.ClusterSpec{
			Description: &text, Domain: n.cfg.Domain, ClusterID: uuid.NewString(), EnrollmentMode: domain.EnrollmentModeApprove,
		}}, &domain.DeclareToken{Ref: "/tokens/admin", Spec: domain.TokenSpec{
			Description: new("The first administrator, made with the cluster"), Role: domain.TokenRoleAdmin, Digest: iam.Digest(n.token),
		}}); err != nil {
			return fmt.Errorf("found the cluster: %w", err)
		}
	}
	cluster, _ := n.views.View().State.Get("/").(*domain.Cluster)
	if cluster.Spec.Domain != n.cfg.Domain {
		return fmt.Errorf("%s holds the cluster %s; give it that domain, or another directory", n.cfg.Dir, cluster.Spec.Domain)
	}
	status, err := n.status()
	if err != nil {
		return err
	}
	self := base.Ref("/nodes/" + n.cfg.Name)
	return n.report(ctx, &domain.ObserveNode{Ref: self, Status: status}, &domain.ObserveCluster{
		Ref: "/", Status: domain.ClusterStatus{CAFingerprint: n.ca.Fingerprint(), Leader: self},
	})
}

// report asks for changes in the name of this node.
func (n *Node) report(ctx context.Context, commands ...domain.Command) error {
	_, err := n.door.Do(ctx, &command.Request{
		Principal:   command.Principal{Actor: base.Ref("/nodes/" + n.cfg.Name), Role: command.Platform},
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
		Hostname: label(hostname), RaftRole: domain.RaftRoleVoter, IsLeader: new(true), Cordoned: n.cordoned(), Condition: domain.ConditionHealthy,
		Capacity:        &domain.NodeCapacity{CPU: new(int64(runtime.NumCPU()) * 1000)},
		CertFingerprint: fingerprint, CertExpiresAt: base.TimeOf(expires),
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(n.cfg.Dir, &disk); err == nil {
		status.Capacity.Disk = new(int64(disk.Blocks) * disk.Bsize)
	}
	var machine syscall.Sysinfo_t
	if err := syscall.Sysinfo(&machine); err == nil {
		status.Capacity.Memory = new(int64(machine.Totalram) * int64(machine.Unit))
	}
	return status, nil
}

// cordoned is what an operator decided; a report must not undo it.
func (n *Node) cordoned() *bool {
	self, _ := n.views.View().State.Get(base.Ref("/nodes/" + n.cfg.Name)).(*domain.Node)
	if self == nil {
		return nil
	}
	return self.Status.Cordoned
}

func ptr[T any](v T) *T { return &v }
