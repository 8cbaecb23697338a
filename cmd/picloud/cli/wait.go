package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

func (a *App) resourceWait() *cobra.Command {
	var product, phase string
	var timeout time.Duration
	c := &cobra.Command{
		Use: "wait KIND [NAME]", Short: "Wait until a resource is in a phase", Args: between(1, 2), ValidArgsFunction: a.completeResources,
		RunE: func(c *cobra.Command, arguments []string) error {
			class, path, err := resourcePath(arguments, product)
			if err != nil {
				return err
			}
			if phase == "" {
				return usagef("--phase: name the phase to wait for")
			}
			if err := checkPhase(phase); err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			if phase == "ready" && unattended(class) {
				if _, _, _, err := phaseOf(c.Context(), cluster, path, 0); err != nil {
					return err
				}
				return &base.Error{Code: base.Unimplemented, Detail: fmt.Sprintf(
					"this release has no reconciler for %s, which stays declared; wait with --phase declared", article(class.Word))}
			}
			ctx, cancel := context.WithTimeout(c.Context(), timeout)
			defer cancel()
			return a.wait(ctx, cluster, path, phase)
		},
	}
	productFlag(c, &product)
	c.Flags().StringVar(&phase, "phase", "ready", "the phase to wait for")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait")
	return c
}

// unattended tells kinds that are to be made real by a slice which this release
// does not have: their last phase is declared.
func unattended(class *base.Class) bool {
	return class.Lifecycle == base.Reconciled && !class.Reconciler
}

// phaseOf reads the phase of a resource, and at which position that was.
func phaseOf(ctx context.Context, cluster *client.Client, path string, at base.Position) (phase, reason string, position base.Position, err error) {
	v, answer, err := read(ctx, cluster, path, at)
	if err != nil {
		return "", "", 0, err
	}
	return text(v, "/status/phase"), text(v, "/status/reason"), answer.Position, nil
}

// wait follows the events of a resource until it is in a phase. It reads first
// and follows from there, so that no change falls between.
func (a *App) wait(ctx context.Context, cluster *client.Client, path, phase string) error {
	for {
		now, reason, position, err := phaseOf(ctx, cluster, path, 0)
		switch {
		case ctx.Err() != nil:
			return notInTime(ctx, path+" did not become "+phase)
		case err != nil:
			return err
		case now == phase:
			fmt.Fprintln(a.Stderr, path, "is", phase)
			return nil
		case now == "failed":
			return &base.Error{Code: base.Conflict, Detail: path + " failed: " + reason}
		}
		fmt.Fprintln(a.Stderr, path, "is", now)
		for _, err := range cluster.Events(ctx, position, true, client.EventFilter{Subject: cluster.Root() + path}) {
			if err != nil {
				return err
			}
			break
		}
	}
}

// notInTime is the error of a wait that came to its end.
func notInTime(ctx context.Context, what string) error {
	if ctx.Err() == context.Canceled {
		return ctx.Err()
	}
	return &base.Error{Code: base.Uncertain, Detail: what + " in time"}
}
