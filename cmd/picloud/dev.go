//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/runtime/node"
)

// devDir is where the development cluster lives, and where the command line
// looks for it.
const devDir = ".picloud-dev"

func devCommand(app *cli.App) *cobra.Command {
	var o options
	var paths []string
	c := &cobra.Command{
		Use: "dev", GroupID: "node", Short: "Run a cluster on this machine for development", Args: cli.Exactly(0),
		Long: `Run a cluster on this machine for development, with a certificate authority of
its own: one node, or with --nodes several, each at a port of its own. Started
again on the same directory it continues. The directory holds client.json (for
--context), ca.pem and admin.token.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.check(app); err != nil {
				return err
			}
			return o.dev(c.Context(), app, paths)
		},
	}
	o.flags(c, devDir, "127.0.0.1:7443", "warn")
	c.Flags().IntVar(&o.nodes, "nodes", 1, "how many nodes; the first listens at --listen, the others at the ports after it")
	c.Flags().StringArrayVar(&paths, "apply", nil, "file or folder to apply once the cluster is ready; may be repeated")
	return c
}

// dev runs a cluster until ctx ends.
func (o *options) dev(ctx context.Context, app *cli.App, paths []string) error {
	c, err := o.start(ctx, app)
	if err == nil {
		if err = o.welcome(ctx, app, c, paths); err == nil {
			err = c.wait(ctx, app.Stderr)
		}
	}
	return errors.Join(err, within(endTime, c.close))
}

// welcome writes what clients need, applies what was asked for, and says what
// to try.
func (o *options) welcome(ctx context.Context, app *cli.App, c cluster, paths []string) error {
	n := c[0]
	address := "https://" + n.Address()
	file := filepath.Join(o.dir, "client.json")
	if err := o.handOver(c, file); err != nil { // who waits for the word needs the file
		return err
	}
	if err := announce(app, n); err != nil {
		return err
	}
	context := ""
	if o.dir != devDir || !app.Means(file) {
		context = "--context " + file + " "
	}
	example := "resource apply ontology/examples/photo-app"
	if len(paths) > 0 {
		example = "resource list container -A"
		// a mistake in the files does not end the node: they are mended and applied again
		_ = app.Run(ctx, append([]string{"--context", file, "resource", "apply", "--yes"}, paths...))
	}
	if len(c) > 1 {
		example += "\n  picloud " + context + "node list"
	}
	_, err := fmt.Fprintf(app.Stdout, `try:
  picloud %[1]s%[2]s
  picloud %[1]sgraph query 'SELECT * { ?s ?p ?o } LIMIT 10'
  picloud %[1]sevents stream --after 0
  curl --cacert %[3]s --connect-to %[4]s:443:%[5]s -H "Authorization: Bearer $(cat %[6]s)" https://%[4]s/
  in a browser: %[7]s/ (any name, the token in %[6]s as password; reading only)
`, context, example, filepath.Join(o.dir, "ca.pem"), n.Domain(), n.Address(), filepath.Join(o.dir, "admin.token"), address)
	return err
}

// handOver writes client.json and ca.pem; the token lies beside them.
func (o *options) handOver(c cluster, file string) error {
	token, err := c.token(o.dir)
	if err != nil {
		return err
	}
	client := clientFile{Endpoint: "https://" + c[0].Address(), Endpoints: []string{}, Domain: c[0].Domain(), CA: string(c[0].CA()), Token: token}
	for _, n := range c[1:] {
		address := "https://" + n.Address()
		client.Endpoints = append(client.Endpoints, address)
		alone := clientFile{Endpoint: address, Domain: client.Domain, CA: client.CA, Token: token} // for who wants this node and no other
		if err := alone.write(filepath.Join(n.Dir(), "client.json")); err != nil {
			return err
		}
	}
	return errors.Join(
		client.write(file),
		os.WriteFile(filepath.Join(o.dir, "ca.pem"), c[0].CA(), 0o644),
	)
}

// cluster is the nodes of one process.
type cluster []*node.Node

// wait returns when ctx ends, or when a node cannot go on, which ends all. A node
// that was removed leaves the others.
func (c cluster) wait(ctx context.Context, told io.Writer) error {
	failed := make(chan *node.Node, len(c))
	ended, end := context.WithCancel(ctx)
	defer end()
	for _, n := range c {
		go func() {
			select {
			case <-n.Failed():
				failed <- n
			case <-ended.Done():
			}
		}()
	}
	for left := len(c); ; left-- {
		select {
		case n := <-failed:
			if left == 1 || !errors.Is(n.Err(), node.ErrRemoved) {
				return n.Err()
			}
			fmt.Fprintln(told, n.Err())
			if err := n.Close(); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// close ends all nodes at once: the last ones would look for a leader otherwise.
func (c cluster) close() error {
	closed := make(chan error, len(c))
	for _, n := range c {
		go func() { closed <- n.Close() }()
	}
	var errs []error
	for range c {
		errs = append(errs, <-closed)
	}
	return errors.Join(errs...)
}
