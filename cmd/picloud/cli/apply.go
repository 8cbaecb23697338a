package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

func (a *App) resourceApply() *cobra.Command {
	var o applyOptions
	var ask, yes, wait bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "apply PATH...",
		Short: "Make the cluster as files declare it",
		Long: `Make the cluster as files declare it: all at once, or not at all.

A PATH is a .picloud or .ttl file, a folder of such files, or - for standard
input. Files are checked first, then the plan is printed, then exactly that plan
is carried out. Applying unchanged files changes nothing.`,
		Args: between(1, -1),
		RunE: func(c *cobra.Command, paths []string) error {
			if ask && !a.Interactive {
				return usagef("--confirm needs a terminal; see the plan with %q", "picloud resource plan")
			}
			ready := func(p *plan) error {
				return a.Agree(yes || !ask && p.Summary.Delete == 0, "", "Do this?")
			}
			if !wait {
				timeout = 0
			}
			return a.apply(c.Context(), paths, o, ready, timeout)
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&ask, "confirm", false, "ask before anything is done (deletions always ask)")
	YesFlag(c, &yes)
	c.Flags().BoolVar(&wait, "wait", false, "wait until every resource is in its final phase")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long --wait waits")
	return c
}

// apply plans, asks ready, carries the plan out and, with a time-out, waits.
func (a *App) apply(ctx context.Context, paths []string, o applyOptions, ready func(*plan) error, timeout time.Duration) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	deployment, err := a.load(cluster.Root(), paths)
	if err != nil {
		return err
	}
	p, err := makePlan(ctx, cluster, deployment.Resources, o, "")
	if err != nil {
		return err
	}
	position := p.Position
	if !p.Summary.changes() {
		fmt.Fprintf(a.Stdout, "no change; position %d\n", position)
	} else {
		a.printPlan(p, cluster.Root())
		if err := ready(p); err != nil {
			return err
		}
		done, err := makePlan(ctx, cluster, deployment.Resources, o, p.tag)
		if err != nil {
			return overtaken(err)
		}
		if err := a.printEventsOf(ctx, cluster, p.Position, done); err != nil {
			return err
		}
		position = done.Position
		fmt.Fprintf(a.Stdout, "applied deployment %s: %s, position %d\n", done.Deployment, count(done.Events, "event"), position)
	}
	if timeout == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return a.settle(ctx, cluster, deployment.Resources, position)
}

// overtaken says what to do when the cluster changed since the plan.
func overtaken(err error) error {
	var failed *base.Error
	if errors.As(err, &failed) && failed.Code == base.Stale {
		stale := *failed
		stale.Detail = "the cluster changed since the plan was made, nothing was applied; apply again to see the new plan"
		return &stale
	}
	return err
}

// printEventsOf prints the events that a plan led to, from the stream of its
// correlation id.
func (a *App) printEventsOf(ctx context.Context, cluster *client.Client, after base.Position, done *plan) error {
	left := done.Events
	if left == 0 {
		return nil
	}
	for event, err := range cluster.Events(ctx, after, true, client.EventFilter{Correlation: done.Correlation}) {
		if err != nil {
			return err
		}
		if err := a.printEvent(event, cluster.Root()); err != nil {
			return err
		}
		if left--; left == 0 {
			return nil
		}
	}
	return ctx.Err()
}
