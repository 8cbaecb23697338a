//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/http/fetch"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// nodeCommands are the commands that run a node.
func nodeCommands(app *cli.App) []*cobra.Command {
	return []*cobra.Command{devCommand(app), serverCommand(app)}
}

// options are the flags of a node.
type options struct {
	dir, listen, domain, level string
	limits                     sparql.Limits // of one query
	queries                    desk.Config
	memory, together           int64 // of one query and of all that run, in MiB
	stores                     int64 // of all datasets, in MiB
	hosts                      []string
	load                       *fetch.Fetcher // from hosts, nil if there are none
}

func (o *options) flags(c *cobra.Command, dir, level string) {
	c.Flags().StringVar(&o.dir, "dir", dir, "directory of the node")
	c.Flags().StringVar(&o.listen, "listen", "127.0.0.1:7443", "address to listen at")
	c.Flags().StringVar(&o.domain, "domain", "picloud.local", "domain of the cluster")
	limits, queries := sparql.DefaultLimits(), desk.Config{}.WithDefaults()
	c.Flags().DurationVar(&o.limits.Timeout, "query-time", limits.Timeout, "time that a query may take")
	c.Flags().Int64Var(&o.memory, "query-memory", limits.MaxMemoryBytes>>20, "memory in MiB that a query may keep")
	c.Flags().IntVar(&o.queries.Running, "queries", queries.Running, "queries that run at the same time")
	c.Flags().Int64Var(&o.together, "queries-memory", queries.MemoryBytes>>20, "memory in MiB that all queries that run may keep together")
	c.Flags().Int64Var(&o.stores, "stores-memory", writer.MemoryMax>>20, "memory in MiB that what RDF stores hold may take; one takes half of it at most")
	c.Flags().StringSliceVar(&o.hosts, "load-http", nil, "`hosts` that LOAD in an update may read from over https, such as data.example or 10.0.0.7:8443 (default: none)")
	c.Flags().StringVar(&o.level, "log-level", level, "least level that is logged: debug, info, warn, error")
}

func serverCommand(app *cli.App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "server", GroupID: "node", Short: "Run a node", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), app, func(_ context.Context, _ *node.Node, address string) error {
				return announce(app, address)
			})
		},
	}
	o.flags(c, "/var/lib/picloud", "info")
	return c
}

const (
	startTime = 60 * time.Second // until a node is ready
	endTime   = 20 * time.Second // from the signal until all is closed
)

// readiness is what is done once a node serves at an address.
type readiness func(ctx context.Context, n *node.Node, address string) error

// announce tells who started the node that it serves.
func announce(app *cli.App, address string) error {
	_, err := fmt.Fprintln(app.Stdout, "ready", address)
	return err
}

// run runs a node until ctx ends.
func (o *options) run(ctx context.Context, app *cli.App, ready readiness) error {
	logger, err := newLogger(app.Stderr, o.level)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(o.listen)
	if err != nil {
		return cli.Usagef("--listen %q is no address such as 127.0.0.1:7443", o.listen)
	}
	if o.limits.Timeout <= 0 || o.memory <= 0 || o.queries.Running <= 0 || o.together <= 0 || o.stores <= 0 {
		return cli.Usagef("--query-time, --query-memory, --queries, --queries-memory and --stores-memory take more than nothing")
	}
	if len(o.hosts) > 0 {
		if o.load, err = fetch.New(fetch.Config{Hosts: o.hosts}); err != nil {
			return cli.Usagef("--load-http: %v", err)
		}
	}
	o.limits.MaxMemoryBytes, o.queries.MemoryBytes = o.memory<<20, o.together<<20
	n, err := open(ctx, node.Config{Dir: o.dir, Domain: o.domain, Names: names(host), Version: app.Version, Logger: logger, DatasetMemory: o.stores << 20})
	if err != nil {
		return err
	}
	err = o.serve(ctx, n, logger, ready)
	return errors.Join(err, within(endTime, n.Close))
}

func open(ctx context.Context, cfg node.Config) (*node.Node, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("it took over %s", startTime))
	defer cancel()
	return node.Open(ctx, cfg)
}

func (o *options) serve(ctx context.Context, n *node.Node, logger *slog.Logger, ready readiness) error {
	server, err := http.New(http.Config{
		Domain: o.domain, ClusterID: n.ClusterID(), Door: n.Door(), Views: n.Views(), Datasets: n.Datasets(), Writer: n.Writer(), Reasoner: n.Reasoner, Events: n.Events(), Load: o.load,
		Writable: func() error { return writable(n) }, TLS: n.TLS(), Logger: logger,
		Limits: o.limits, Queries: o.queries,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%w; choose another with --listen", err)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	go func() { // a node that cannot go on ends, and says why
		select {
		case <-n.Consensus().Failed():
			stop(n.Consensus().Err())
		case <-ctx.Done():
		}
	}()
	if err := ready(ctx, n, "https://"+listener.Addr().String()); err != nil {
		stop(err)
	}
	err = <-served
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

// writable says why a node takes no writes now.
func writable(n *node.Node) error {
	leadership, _ := n.Consensus().Leadership()
	switch {
	case n.Consensus().Err() != nil:
		return n.Consensus().Err()
	case n.Consensus().Full():
		return &base.Error{Code: base.Full, Detail: "the disk is full up to its mark; free some space"}
	case !leadership.Leading:
		return &base.Error{Code: base.Unavailable, Detail: "no leader at present", RetryAfter: 1}
	}
	return nil
}

// names are the names that a node answers to because it listens at them.
func names(host string) []string {
	ip := net.ParseIP(host)
	if host == "" || host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		return nil
	}
	return []string{host}
}

// within gives a function some time and then goes on without it.
func within(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("the node did not end within %s; what was answered is on the disk", limit)
	}
}

func newLogger(out io.Writer, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, cli.Usagef("--log-level %q is none of debug, info, warn, error", level)
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: least})), nil
}
