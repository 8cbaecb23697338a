package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/enroll/ticket"
)

// members are the commands of nodes beside their operations: how machines get
// in, and what certificates they have.
func (a *App) members() []*cobra.Command {
	return []*cobra.Command{a.nodeList(), a.nodeApprove(), a.nodeReject(), a.nodeToken(), a.nodeCerts()}
}

func (a *App) nodeToken() *cobra.Command {
	var ttl string
	c := &cobra.Command{
		Use: "token [NAME]", Short: "Make a token that lets one machine in, and print it, this once", Args: between(0, 1),
		Long: `Make a token that lets one machine in. It works once, expires, and names this
cluster, so that the machine can tell it from an impostor. Put it into a file on
the machine and start it there: picloud server --token @FILE`,
		RunE: func(c *cobra.Command, arguments []string) error {
			expires, err := expiryOf(ttl)
			if err != nil {
				return err
			}
			name := tokenName(arguments)
			secret, err := a.invite(c.Context(), name, expires)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Stderr, "enrolment token %s, for one machine and %s; it is shown this once:\n", name, ttl)
			return a.copyOut([]byte(secret))
		},
	}
	c.Flags().StringVar(&ttl, "ttl", "1h", "how long it is good for: 15m, 12h, 7d")
	return c
}

// invite makes an enrolment token. The secret is made here; the cluster is told
// its digest only.
func (a *App) invite(ctx context.Context, name, expires string) (secret string, err error) {
	cluster, err := a.client()
	if err != nil {
		return "", err
	}
	defer cluster.Close()
	root, _, err := read(ctx, cluster, "/", 0)
	if err != nil {
		return "", err
	}
	_, fingerprint, err := readAuthority(ctx, cluster)
	if err != nil {
		return "", err
	}
	secret, digest, err := ticket.New(ticket.Ticket{Cluster: text(root, "/clusterId"), Authority: fingerprint})
	if err != nil {
		return "", err
	}
	return secret, declareToken(ctx, cluster, "/enrollment-tokens/", name, map[string]string{"digest": digest, "expiresAt": expires})
}

func (a *App) nodeCerts() *cobra.Command {
	c := &cobra.Command{
		Use: "certs", Short: "List the certificates of the nodes and when they expire", Args: noArguments,
		Long: `List the certificates of the nodes and when they expire. They live 90 days and
renew themselves at two thirds of that, without a restart.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.certs(c.Context()) },
	}
	a.outputFlag(c, "table", "json")
	return c
}

// certificateRow is what is known of a node's certificate.
type certificateRow struct {
	Node        string `json:"node"`
	Fingerprint string `json:"fingerprint"`
	Expires     string `json:"expires"`
}

func (a *App) certs(ctx context.Context) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	nodes, err := pages(ctx, cluster, "/nodes", listOptions{})
	if err != nil {
		return err
	}
	known, rows := []certificateRow{}, [][]string{}
	for _, node := range nodes {
		row := certificateRow{text(node, "/name"), text(node, "/status/certFingerprint"), text(node, "/status/certExpiresAt")}
		known, rows = append(known, row), append(rows, []string{row.Node, colons(row.Fingerprint), a.expiry(row.Expires)})
	}
	if a.output == "json" {
		data, err := json.Marshal(known)
		if err != nil {
			return err
		}
		return a.printJSON(data)
	}
	a.table([]string{"NODE", "FINGERPRINT (SHA-256)", "EXPIRES"}, rows)
	return nil
}

// expiry is a time with how far away it is.
func (a *App) expiry(at string) string {
	t, ok := base.ParseTime(at)
	if !ok {
		return at
	}
	date := t.Std().Local().Format(time.DateOnly)
	if days := int(time.Until(t.Std()).Hours() / 24); days >= 0 {
		return fmt.Sprintf("%s (in %d days)", date, days)
	}
	return date + " " + a.paint(red, "(expired)")
}
