package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

// howToAsk leads to a machine that waits.
const howToAsk = "start one with \"picloud server\" in the same network, or with --join HOST:PORT"

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
	detail := "no machine waits to be let in; " + howToAsk
	if len(names) > 0 {
		detail = "waiting: " + strings.Join(names, ", ")
	}
	return nil, &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("no machine asks to join as %q; %s", name, detail)}
}

func (a *App) enrollmentList() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the machines that ask to be let in", Args: noArguments,
		Long: `List the machines that ask to be let in, with the codes that they must show, and
those that were rejected.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.listEnrollments(c.Context()) },
	}
	a.outputFlag(c, "table", "json", "yaml")
	return c
}

func (a *App) listEnrollments(ctx context.Context) error {
	if a.output != "table" {
		return a.list(ctx, "enrollment", listOptions{})
	}
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	all, err := pages(ctx, cluster, "/enrollments", listOptions{})
	if err != nil {
		return err
	}
	if len(all) == 0 {
		fmt.Fprintln(a.Stderr, "no machine waits to be let in;", howToAsk)
		return nil
	}
	var rows [][]string
	var asking []*base.Value
	for _, wish := range all {
		phase := text(wish, "/status/phase")
		if phase == "pending" {
			asking = append(asking, wish)
		}
		rows = append(rows, []string{text(wish, "/name"), phase, text(wish, "/status/code"), text(wish, "/status/address"), ageOf(text(wish, "/status/createdAt"))})
	}
	a.table([]string{"NAME", "PHASE", "CODE", "ADDRESS", "AGE"}, rows)
	a.askers(asking)
	return nil
}

// askers says who asks to be let in, and what is done about it.
func (a *App) askers(asking []*base.Value) {
	for _, wish := range asking {
		name := text(wish, "/name")
		fmt.Fprintf(a.Stderr, "%s asks to join from %s for %s, with the code %s; if it shows the same: picloud node approve %s\n",
			name, text(wish, "/status/address"), ageOf(text(wish, "/status/createdAt")), text(wish, "/status/code"), name)
	}
}

func (a *App) nodeApprove() *cobra.Command {
	var code string
	var yes bool
	c := &cobra.Command{
		Use: "approve NAME", Short: "Let a machine in that asks to join, after comparing its code", Args: exactly(1), ValidArgsFunction: a.completeMembers("/enrollments", listOptions{phase: "pending"}),
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
		Use: "reject NAME", Short: "Turn a machine away that asks to join", Args: exactly(1), ValidArgsFunction: a.completeMembers("/enrollments", listOptions{phase: "pending"}),
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
