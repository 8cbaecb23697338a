package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/runtime/enroll/ticket"
)

// members are the commands of nodes beside their operations: how machines get
// in, and what certificates they have.
func (a *App) members() []*cobra.Command {
	return []*cobra.Command{a.nodeList(), a.nodeApprove(), a.nodeReject(), a.nodeToken(), a.nodeCerts()}
}

// enrollmentPath is where a machine waits.
func enrollmentPath(name string) string { return "/enrollments/" + url.PathEscape(name) }

// waiting reads the enrolment of a machine; where there is none it says who
// waits.
func (a *App) waiting(ctx context.Context, cluster *client.Client, name string) (*base.Value, error) {
	if !base.IsName(name) {
		return nil, usagef("%q is no name of a node", name)
	}
	wish, _, err := read(ctx, cluster, enrollmentPath(name), 0)
	var failed *base.Error
	if !errors.As(err, &failed) || failed.Code != base.NotFound {
		return wish, err
	}
	others, err := pages(ctx, cluster, "/enrollments", listOptions{phase: "pending"})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, other := range others {
		names = append(names, text(other, "/name"))
	}
	detail := "no machine waits to be let in; start one with \"picloud server\" in the same network, or with --join HOST:PORT"
	if len(names) > 0 {
		detail = "waiting: " + strings.Join(names, ", ")
	}
	return nil, &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("no machine asks to join as %q; %s", name, detail)}
}

func (a *App) nodeApprove() *cobra.Command {
	var code string
	var yes bool
	c := &cobra.Command{
		Use: "approve NAME", Short: "Let a machine in that asks to join, after comparing its code", Args: exactly(1), ValidArgsFunction: a.completeWaiting,
		Long: `Let a machine in that asks to join.

The machine shows a code of eight characters, and so does this command. If both
are equal, the machine and the cluster see each other and nobody stands in
between. Type the machine's code with --code to have it compared here.`,
		RunE: func(c *cobra.Command, arguments []string) error {
			return a.approve(c.Context(), arguments[0], code, yes)
		},
	}
	c.Flags().StringVar(&code, "code", "", "code that the machine shows; refused if it is another one")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask; the codes were compared")
	return c
}

func (a *App) approve(ctx context.Context, name, code string, yes bool) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	wish, err := a.waiting(ctx, cluster, name)
	if err != nil {
		return err
	}
	if text(wish, "/status/phase") == "rejected" {
		return fmt.Errorf("%s was rejected; to let it in all the same make an invitation (picloud node token) and start it again with --token @FILE", name)
	}
	shown := text(wish, "/status/code")
	fmt.Fprintf(a.Stderr, "%s asks to join from %s\n  key   %s\n  code  %s\n", name, text(wish, "/status/address"), text(wish, "/status/fingerprint"), a.paint(bold, shown))
	switch {
	case code != "" && plainCode(code) != plainCode(shown):
		return fmt.Errorf("the machine shows %s, the cluster %s: it is another machine, or somebody stands in between; nothing was approved", plainCode(code), shown)
	case code != "" || yes:
	case !a.Interactive:
		return usagef("nobody can be asked here; give the code that the machine shows with --code")
	case !a.confirm("Does the machine show this code?"):
		return exit(ExitRefused)
	}
	if _, err := cluster.Do(ctx, client.Request{
		Method: http.MethodPost, Path: enrollmentPath(name) + "/approve", Accept: "application/json",
		IfMatch: `"` + text(wish, "/status/revision") + `"`,
	}); err != nil {
		return err
	}
	fmt.Fprintf(a.Stderr, "%s; %s becomes a node as soon as it asks again\n", a.paint(green, "approved"), name)
	return nil
}

// plainCode is a code as it is meant, however people write it: letters that it
// never has stand for those that they are mistaken for (Crockford's base 32).
func plainCode(code string) string {
	code = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	if len(code) == 8 {
		return code[:4] + "-" + code[4:]
	}
	return code
}

func (a *App) nodeReject() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use: "reject NAME", Short: "Turn a machine away that asks to join", Args: exactly(1), ValidArgsFunction: a.completeWaiting,
		RunE: func(c *cobra.Command, arguments []string) error {
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			wish, err := a.waiting(c.Context(), cluster, arguments[0])
			if err != nil {
				return err
			}
			body := map[string]string{}
			if reason != "" {
				body["reason"] = reason
			}
			input, err := json.Marshal(body)
			if err != nil {
				return err
			}
			if _, err := cluster.Do(c.Context(), client.Request{
				Method: http.MethodPost, Path: enrollmentPath(arguments[0]) + "/reject", Accept: "application/json",
				ContentType: "application/json", Body: input, IfMatch: `"` + text(wish, "/status/revision") + `"`,
			}); err != nil {
				return err
			}
			fmt.Fprintln(a.Stderr, "rejected; an invitation (picloud node token) lets the machine in all the same")
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why; the machine shows it")
	return c
}

// completeWaiting offers the machines that wait to be let in.
func (a *App) completeWaiting(c *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if cluster, err := a.client(); err == nil && len(arguments) == 0 {
		defer cluster.Close()
		ctx, cancel := context.WithTimeout(c.Context(), 2*time.Second)
		defer cancel()
		waiting, _ := pages(ctx, cluster, "/enrollments", listOptions{phase: "pending"}) // nothing to offer is no error here
		for _, wish := range waiting {
			names = append(names, text(wish, "/name"))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *App) nodeToken() *cobra.Command {
	var ttl string
	c := &cobra.Command{
		Use: "token [NAME]", Short: "Make a token that lets one machine in, and print it, this once", Args: between(0, 1),
		Long: `Make a token that lets one machine in. It works once, expires, and names this
cluster, so that the machine can tell it from an impostor. Put it into a file on
the machine and start it there: picloud server --token @FILE`,
		RunE: func(c *cobra.Command, arguments []string) error {
			name := "token-" + randomName()
			if len(arguments) == 1 {
				name = arguments[0]
			}
			seconds, err := base.ParseQuantity(ttl, base.SecondsSyntax)
			if err != nil {
				return usagef("--ttl: %v", err)
			}
			if seconds <= 0 {
				return usagef("--ttl %s: a token lives longer than nothing, such as 1h", ttl)
			}
			secret, err := a.invite(c.Context(), name, time.Duration(seconds)*time.Second)
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
func (a *App) invite(ctx context.Context, name string, life time.Duration) (secret string, err error) {
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
	body, err := json.Marshal(map[string]string{"digest": digest, "expiresAt": base.TimeOf(time.Now().Add(life)).String()})
	if err != nil {
		return "", err
	}
	_, err = cluster.Do(ctx, client.Request{
		Method: http.MethodPut, Path: "/enrollment-tokens/" + url.PathEscape(name),
		ContentType: "application/json", Body: body, IfNoneMatch: "*",
	})
	return secret, err
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
		known, rows = append(known, row), append(rows, []string{row.Node, row.Fingerprint, a.expiry(row.Expires)})
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
