package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/runtime/lang"
)

// settling is a deployment on its way to the final phases of its resources.
type settling struct {
	*App
	cluster  *client.Client
	applied  base.Position
	pending  []base.Ref
	failures []string
}

// settle waits until all resources of a deployment that was applied up to a
// position are in their final phase.
func (a *App) settle(ctx context.Context, cluster *client.Client, resources []*lang.Resource, applied base.Position) error {
	s := &settling{App: a, cluster: cluster, applied: applied}
	var alone []string
	for _, r := range resources {
		switch {
		case unattended(r.Class):
			alone = append(alone, r.Class.Word)
		case r.Class.Lifecycle == base.Reconciled:
			s.pending = append(s.pending, r.Address.Ref)
		}
	}
	if len(alone) > 0 {
		slices.Sort(alone)
		fmt.Fprintf(a.Stdout, "no reconciler in this release for %s: settled at declared\n", strings.Join(slices.Compact(alone), ", "))
	}
	if err := s.run(ctx); err != nil {
		return err
	}
	if len(s.failures) > 0 {
		return &base.Error{Code: base.Conflict, Detail: strings.Join(s.failures, "\n")}
	}
	fmt.Fprintln(a.Stdout, "settled")
	return nil
}

// run looks at each resource once, and then again at each event about it.
func (s *settling) run(ctx context.Context) error {
	for _, ref := range slices.Clone(s.pending) {
		if err := s.look(ctx, ref); err != nil {
			return err
		}
	}
	if len(s.pending) == 0 {
		return nil
	}
	for event, err := range s.cluster.Events(ctx, s.applied, true, client.EventFilter{}) {
		if err == nil {
			err = s.look(ctx, base.Ref(strings.TrimPrefix(event.Subject, s.cluster.Root())))
		}
		if ctx.Err() != nil {
			break
		}
		if err != nil || len(s.pending) == 0 {
			return err
		}
	}
	return notInTime(ctx, count(len(s.pending), "resource")+" did not settle")
}

// look strikes a resource off if it has come to its end.
func (s *settling) look(ctx context.Context, ref base.Ref) error {
	i := slices.Index(s.pending, ref)
	if i < 0 {
		return nil
	}
	phase, reason, _, err := phaseOf(ctx, s.cluster, string(ref), s.applied)
	if err != nil || phase != "ready" && phase != "failed" {
		return err
	}
	s.pending = slices.Delete(s.pending, i, i+1)
	fmt.Fprintln(s.Stdout, ref, "is", phase)
	if phase == "failed" {
		s.failures = append(s.failures, fmt.Sprintf("%s failed: %s", ref, reason))
	}
	return nil
}
