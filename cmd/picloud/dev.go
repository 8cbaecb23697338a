//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
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
		Use: "dev", GroupID: "node", Short: "Run a one-node cluster for development", Args: cobra.NoArgs,
		Long: `Run a one-node cluster for development, with a certificate authority of its
own. Started again on the same directory it continues. The directory holds
client.json (for --context), ca.pem and admin.token.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.run(c.Context(), app, func(ctx context.Context, n *node.Node) error {
				return o.welcome(ctx, app, n, paths)
			})
		},
	}
	o.bootstrap = true
	o.flags(c, devDir, "127.0.0.1:7443", "warn")
	c.Flags().StringArrayVar(&paths, "apply", nil, "file or folder to apply once the node is ready; may be repeated")
	return c
}

// welcome writes what clients need, applies what was asked for, and says what
// to try.
func (o *options) welcome(ctx context.Context, app *cli.App, n *node.Node, paths []string) error {
	address := "https://" + n.Address()
	file := filepath.Join(o.dir, "client.json")
	if err := o.handOver(n, address, file); err != nil { // who waits for the word needs the file
		return err
	}
	if err := announce(app, n); err != nil {
		return err
	}
	context := ""
	if o.dir != devDir {
		context = "--context " + file + " "
	}
	example := "resource apply ontology/examples/photo-app"
	if len(paths) > 0 {
		example = "resource list container -A"
		// a mistake in the files does not end the node: they are mended and applied again
		_ = app.Run(ctx, append([]string{"--context", file, "resource", "apply", "--yes"}, paths...))
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

// handOver writes client.json and ca.pem; the token lies beside them already.
func (o *options) handOver(n *node.Node, address, file string) error {
	client := clientFile{Endpoint: address, Domain: n.Domain(), CA: string(n.CA()), Token: n.AdminToken()}
	return errors.Join(
		client.write(file),
		os.WriteFile(filepath.Join(o.dir, "ca.pem"), n.CA(), 0o644),
	)
}
