//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/node"
)

// clusterCommand holds what is done with a cluster on one of its machines; the
// rest of "picloud cluster" is in package cli.
func clusterCommand(app *cli.App) *cobra.Command {
	c := &cobra.Command{Use: "cluster"}
	c.AddCommand(initCommand(app), backupCommand(app), restoreCommand(app), recoverCommand(app))
	return c
}

func initCommand(app *cli.App) *cobra.Command {
	var dir, certificate, key string
	var what node.Founding
	c := &cobra.Command{
		Use: "init", Short: "Found a cluster on the node that waits on this machine", Args: cli.Exactly(0),
		Long: `Tell the node that waits on this machine ("picloud server") to found a cluster,
of which it is the first. It prints what others need to trust the cluster and to
join it, and keeps a context with the token of the first administrator.`,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if (certificate == "") != (key == "") {
				return cli.Usagef("--ca-cert and --ca-key go together")
			}
			if certificate != "" {
				if what.Certificate, err = os.ReadFile(certificate); err != nil {
					return err
				}
				if what.Key, err = os.ReadFile(key); err != nil {
					return err
				}
			}
			founded, err := node.Init(c.Context(), dir, what)
			if err != nil {
				return err
			}
			warn(app, founded, what.Enrollment)
			return settle(app, dir, founded, what.Enrollment)
		},
	}
	c.Flags().StringVar(&dir, "dir", serverDir, "directory of the node")
	c.Flags().StringVar(&what.Domain, "domain", "", "domain of the cluster (default picloud.local)")
	c.Flags().StringVar(&what.Enrollment, "enrollment", "", "how nodes are let in: approve (default), token, or auto for a network that is trusted")
	c.Flags().StringVar(&certificate, "ca-cert", "", "certificate of an authority of your own, PEM (default: the cluster makes one)")
	c.Flags().StringVar(&key, "ca-key", "", "key of that authority, PEM")
	return c
}

// warn says what the founder should know of a choice that others pay for.
func warn(app *cli.App, founded node.Founded, enrollment string) {
	authority, err := iam.ParseCertificate(founded.Authority)
	if err == nil && len(authority.PermittedDNSDomains) == 0 {
		fmt.Fprintf(app.Stderr, "warning: nothing holds this authority to %s: whoever trusts it trusts it for every name\n", founded.Domain)
	}
	if enrollment == string(domain.EnrollmentModeAuto) {
		fmt.Fprintln(app.Stderr, "warning: every machine on the network may join by itself, read all data and pass for a node; it gets no vote until somebody vouches for it (picloud node trust)")
	}
}

// settle keeps a context for the founder and says what comes next.
func settle(app *cli.App, dir string, founded node.Founded, enrollment string) error {
	client := clientOf(founded.Address)
	client.Domain, client.CA, client.Token = founded.Domain, string(founded.Authority), founded.Token
	file, authority := filepath.Join(dir, "client.json"), filepath.Join(dir, "ca.pem")
	if err := errors.Join(client.write(file), os.WriteFile(authority, founded.Authority, 0o644)); err != nil {
		return err
	}
	name, meant, err := app.KeepContext(founded.Domain, file)
	if err != nil {
		return err
	}
	use := ""
	if !meant {
		use = "To work with it here, where another context is the current one:\n  picloud context use " + name + "\n"
	}
	if other, _ := app.Env("PICLOUD_CONTEXT"); other != "" && other != name && other != file {
		use += "In this shell PICLOUD_CONTEXT names another context; to work with this one:\n  unset PICLOUD_CONTEXT\n"
	}
	_, err = fmt.Fprintf(app.Stdout, `cluster      %[1]s
domain       %[2]s
first node   %[3]s at %[4]s
context      %[5]s
authority    %[6]s
fingerprint  %[7]s

To trust it elsewhere, compare the fingerprint:
  curl --cacert ca.pem …                    with a copy of %[6]s
  sudo cp ca.pem /usr/local/share/ca-certificates/picloud.crt && sudo update-ca-certificates
%[8]sTo work from another machine, bring it %[9]s, which holds a token, and there:
  picloud context add %[5]s client.json
%[10]s`, founded.Cluster, founded.Domain, founded.Name, client.Endpoint, name, authority, cli.Fingerprint(founded.Fingerprint), howToJoin(founded.Standing, enrollment), file, use)
	return err
}

// keepClient writes what a client needs at the first start after a restore, which
// knew no address yet. After founding, settle writes the same.
func keepClient(dir string, n *node.Node) error {
	if !n.Restored() {
		return nil
	}
	file := filepath.Join(dir, "client.json")
	client := clientOf(n.Address())
	client.Domain, client.CA, client.Token = n.Domain(), string(n.CA()), n.AdminToken()
	return errors.Join(os.WriteFile(filepath.Join(dir, "ca.pem"), n.CA(), 0o644), client.write(file))
}

// howToJoin is what lets another node in. One that listens where no other machine
// reaches it is tried with others beside it, which it does not see by itself.
func howToJoin(founder node.Standing, enrollment string) string {
	host, port, _ := net.SplitHostPort(founder.Address)
	where, flags := "The next node, on the same network:", ""
	elsewhere := fmt.Sprintf("From another network also:\n  --join ADDRESS:%s --cluster %s\n", port, founder.Cluster)
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		where = fmt.Sprintf("The next node, on this machine, since no other reaches %s:", founder.Address)
		flags, elsewhere = fmt.Sprintf(" --dir DIR --listen %s --name NAME --join %s", net.JoinHostPort(host, "PORT"), founder.Address), ""
	}
	comes, lets := "finds this cluster, asks to be let in and shows a code", "picloud node approve NAME                 here, after comparing the code"
	switch enrollment {
	case string(domain.EnrollmentModeToken):
		flags, comes = " --token @FILE"+flags, "finds this cluster and joins"
		where, lets = where+"\n  picloud node token > FILE                 here: an invitation for one machine; bring it there", ""
	case string(domain.EnrollmentModeAuto):
		comes, lets = "finds this cluster and joins", "picloud node trust NAME                   here, to give it a vote"
	}
	server := "picloud server" + flags
	if len(server) > 41 {
		server = fmt.Sprintf("%s\n  %41s", server, "")
	}
	text := fmt.Sprintf("%s\n  %-41s it %s\n", where, server, comes)
	if lets != "" {
		text += "  " + lets + "\n"
	}
	return text + elsewhere
}

// clientOf is where clients find a node that listens at an address: on this machine,
// and if it listens at all addresses, on the others at those that the machine has now.
func clientOf(address string) clientFile {
	host, port, err := net.SplitHostPort(address)
	file := clientFile{Endpoint: "https://" + address, Endpoints: []string{}}
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsUnspecified() {
		return file
	}
	file.Endpoint = "https://" + net.JoinHostPort("127.0.0.1", port)
	own, _ := net.InterfaceAddrs() // a machine that hides them is found on itself only
	for _, a := range own {
		if network, ok := a.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			file.Endpoints = append(file.Endpoints, "https://"+net.JoinHostPort(network.IP.String(), port))
		}
	}
	return file
}

// clientFile is what a client of a cluster needs.
type clientFile struct {
	Endpoint  string   `json:"endpoint"`
	Endpoints []string `json:"endpoints"` // of the other nodes; null = of this one alone
	Domain    string   `json:"domain"`
	CA        string   `json:"ca"`
	Token     string   `json:"token"`
}

func (c clientFile) write(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return iam.WriteSecret(path, append(text, '\n'))
}
