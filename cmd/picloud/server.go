//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/cmd/picloud/install"
	"github.com/picloud/picloud/runtime/dataset/writer"
	"github.com/picloud/picloud/runtime/http/fetch"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/desk"
)

// nodeCommands are the commands that run a node.
func nodeCommands(app *cli.App) []*cobra.Command {
	return []*cobra.Command{devCommand(app), serverCommand(app), install.Command(app, install.Node{Takes: serverFlags(app), Answers: answers}), clusterCommand(app)}
}

// serverFlags reads what is to stand behind "picloud server" later, where nobody
// would see that it is wrong.
func serverFlags(app *cli.App) func([]string) error {
	return func(flags []string) error {
		c := serverCommand(app)
		if err := c.ParseFlags(flags); err != nil {
			return err
		}
		return c.ValidateArgs(c.Flags().Args())
	}
}

// answers asks the node of a directory whether it is there.
func answers(ctx context.Context, dir string) error {
	_, err := node.Status(ctx, dir)
	return err
}

// options are the flags of a node.
type options struct {
	dir, listen, name, domain, level string
	join                             []string // addresses of members
	token, cluster                   string
	limits                           sparql.Limits // of one query
	queries                          desk.Config
	memory, together                 int64 // of one query and of all that run, in MiB
	stores                           int64 // of all datasets, in MiB
	hosts                            []string
	load                             *fetch.Fetcher // from hosts, nil if there are none
	logger                           *slog.Logger
	nodes                            int // of a development cluster
}

func (o *options) flags(c *cobra.Command, dir, listen, level string) {
	c.Flags().StringVar(&o.dir, "dir", dir, "directory of the node")
	c.Flags().StringVar(&o.listen, "listen", listen, "address to listen at")
	c.Flags().StringVar(&o.domain, "domain", "", "domain that the cluster must have (default: picloud.local for a new one)")
	limits, queries := sparql.DefaultLimits(), desk.Config{}.WithDefaults()
	c.Flags().DurationVar(&o.limits.Timeout, "query-time", limits.Timeout, "time that a query may take")
	c.Flags().Int64Var(&o.memory, "query-memory", limits.MaxMemoryBytes>>20, "memory in MiB that a query may keep")
	c.Flags().IntVar(&o.queries.Running, "queries", queries.Running, "queries that run at the same time")
	c.Flags().Int64Var(&o.together, "queries-memory", queries.MemoryBytes>>20, "memory in MiB that all queries that run may keep together")
	c.Flags().Int64Var(&o.stores, "stores-memory", writer.MemoryMax>>20, "memory in MiB that what RDF stores hold may take; one takes half of it at most")
	c.Flags().StringSliceVar(&o.hosts, "load-http", nil, "`hosts` that LOAD in an update may read from over https, such as data.example or 10.0.0.7:8443 (default: none)")
	c.Flags().StringVar(&o.level, "log-level", level, "least level that is logged: debug, info, warn, error")
}

// Where a server keeps its things and listens unless it is told otherwise.
const (
	serverDir    = "/var/lib/picloud"
	serverListen = ":443"
)

func serverCommand(app *cli.App) *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "server", GroupID: "node", Short: "Run a node", Args: cli.Exactly(0),
		Long: `Run a node of a cluster. A new one belongs to no cluster: it waits until
"picloud cluster init" on the same machine has it found one, or until a cluster
lets it in. It looks for clusters on its network by itself; --join names the
address of a member elsewhere, --token proves that it was invited ("picloud node
token"). Started again on its directory it goes on as what it is.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), app, func(_ context.Context, n *node.Node) error {
				return errors.Join(keepClient(o.dir, n), announce(app, n))
			})
		},
	}
	o.flags(c, serverDir, serverListen, "info")
	c.Flags().StringVar(&o.name, "name", "", "name of the node in its cluster (default: that of the host)")
	c.Flags().StringArrayVar(&o.join, "join", nil, "`host:port` of a member to ask to be let in; may be repeated")
	c.Flags().StringVar(&o.token, "token", "", "invitation to join, from \"picloud node token\"; @FILE reads it from a file")
	c.Flags().StringVar(&o.cluster, "cluster", "", "id of the cluster to join, where several are in sight")
	return c
}

// endTime is from the signal until all is closed.
const endTime = 20 * time.Second

// readiness is what is done once a node serves.
type readiness func(ctx context.Context, n *node.Node) error

// announce tells who started the node that it serves.
func announce(app *cli.App, n *node.Node) error {
	_, err := fmt.Fprintln(app.Stdout, "ready", "https://"+n.Address())
	return err
}

// check refuses flags that make no sense and makes of them what the node needs.
func (o *options) check(app *cli.App) (err error) {
	if o.logger, err = newLogger(app.Stderr, o.level); err != nil {
		return err
	}
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		return cli.Usagef("--listen %q is no address such as 127.0.0.1:7443", o.listen)
	}
	if o.cluster != "" && uuid.Validate(o.cluster) != nil {
		return cli.Usagef("--cluster %q is no id of a cluster; \"picloud cluster status\" there says it, such as 6f1c2a90-4d0e-4c55-9b1a-0c8a2f6d7e31", o.cluster)
	}
	if o.limits.Timeout <= 0 || o.memory <= 0 || o.queries.Running <= 0 || o.together <= 0 || o.stores <= 0 {
		return cli.Usagef("--query-time, --query-memory, --queries, --queries-memory and --stores-memory take more than nothing")
	}
	if len(o.hosts) > 0 {
		if o.load, err = fetch.New(fetch.Config{Hosts: o.hosts}); err != nil {
			return cli.Usagef("--load-http: %v", err)
		}
	}
	if file, found := strings.CutPrefix(o.token, "@"); found {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		o.token = strings.TrimSpace(string(text))
	}
	o.limits.MaxMemoryBytes, o.queries.MemoryBytes = o.memory<<20, o.together<<20
	return nil
}

// config is that of a node in a directory that listens at an address.
func (o *options) config(ctx context.Context, app *cli.App, dir, listen string) (node.Config, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return node.Config{}, unheard(listen, err)
	}
	host, _, _ := net.SplitHostPort(listen)
	cfg := node.Config{
		Dir: dir, Name: o.name, Domain: o.domain, Names: names(host), Version: release(app), Logger: o.logger, DatasetMemory: o.stores << 20,
		Listener: listener, Join: o.join, Token: o.token, Cluster: o.cluster,
		Notice: func(line string) { fmt.Fprintln(app.Stdout, line) },
	}
	cfg.Edge.Load, cfg.Edge.Limits, cfg.Edge.Queries = o.load, o.limits, o.queries
	return cfg, nil
}

// unheard is the error of an address at which the node cannot listen.
func unheard(listen string, err error) error {
	_, port, _ := net.SplitHostPort(listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("another program listens at %s (ss -ltnp 'sport = :%s' names it); end it, or choose another address with --listen", listen, port)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("this user may not listen at %s: run it as root or as the service of \"picloud install\", or choose a port from 1024 on, such as --listen :7443", listen)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%s is no address of this machine (ip address lists them); choose one with --listen, or :%s for all", listen, port)
	}
	return fmt.Errorf("%w; choose another address with --listen", err)
}

// forbidden leads whoever may not use a directory to who may.
func forbidden(dir string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w; run it as the owner of %s (with sudo, say), or name a directory of your own with --dir", err, dir)
	}
	return err
}

// run runs a node until ctx ends.
func (o *options) run(ctx context.Context, app *cli.App, ready readiness) error {
	if err := o.check(app); err != nil {
		return err
	}
	cfg, err := o.config(ctx, app, o.dir, o.listen)
	if err != nil {
		return err
	}
	defer beside(ctx, rest)()
	n, err := node.Open(ctx, cfg)
	if err != nil {
		return forbidden(o.dir, err)
	}
	if err = ready(ctx, n); err == nil {
		select {
		case <-ctx.Done():
		case <-n.Failed(): // it ends, and says why
			err = n.Err()
		}
	}
	return errors.Join(err, within(endTime, n.Close))
}

// beside lets something go on until the function is called that it gives, which waits
// for its end.
func beside(ctx context.Context, goes func(context.Context)) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); goes(ctx) }()
	return func() { stop(); <-ended }
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

// release is the version that other nodes see, without what it was built from.
func release(app *cli.App) string {
	version, _, _ := strings.Cut(app.Version, " ")
	return version
}
