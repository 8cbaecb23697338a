package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	generated "github.com/picloud/picloud/generated/cli"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/schema"
)

// operations are the groups of commands of kinds that have operations, such as
// "node drain".
func (a *App) operations() (groups []*cobra.Command) {
	o := &operator{App: a}
	for _, made := range generated.Groups(schema.Model, o) {
		verbs := made.Commands()
		made.RemoveCommand(verbs...)
		for _, verb := range verbs {
			o.asUsage(verb)
			if class, err := kindOf(made.Name()); err == nil && class.InCluster {
				verb.ValidArgsFunction = a.completeMembers("/"+class.Segment, listOptions{})
			}
		}
		switch made.Name() {
		case "node":
			verbs = append(a.members(), verbs...)
		case "enrollment": // those of the model compare no codes
			verbs = []*cobra.Command{a.enrollmentList(), a.nodeApprove(), a.nodeReject()}
		}
		made.GroupID = "work"
		groups = append(groups, group(made, verbs...))
	}
	return groups
}

// operator asks the cluster for operations.
type operator struct {
	*App
	asked bool
	yes   bool // --yes
}

// removal is the verb after which the resource is gone.
const removal = "remove"

var _ generated.Operator = (*operator)(nil)

// asUsage makes usage of the errors that a verb finds before it asks.
func (o *operator) asUsage(verb *cobra.Command) {
	arguments, run := verb.Args, verb.RunE
	verb.ValidArgsFunction = cobra.NoFileCompletions
	verb.Args = func(c *cobra.Command, given []string) error {
		if err := arguments(c, given); err != nil {
			return usagef("%s: %w", c.UseLine(), err)
		}
		return nil
	}
	if verb.Name() == removal {
		YesFlag(verb, &o.yes)
	}
	verb.RunE = func(c *cobra.Command, given []string) error {
		err := run(c, given)
		if err != nil && !o.asked {
			return usage{err}
		}
		return err
	}
}

// Operate carries out an operation on a resource.
func (o *operator) Operate(ctx context.Context, class *base.Class, ref base.Ref, operation string, input *base.Value) error {
	o.asked = true
	cluster, err := o.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	leaves := class.Word == "node" && operation == removal
	switch {
	case leaves:
		err = o.part(ctx, cluster, class, ref, o.yes)
	case operation == removal:
		err = o.Agree(o.yes, "", "Remove "+string(ref)+"?")
	}
	if err != nil {
		return err
	}
	request := client.Request{Method: http.MethodPost, Path: string(ref) + "/" + url.PathEscape(operation), Accept: "application/json"}
	if input != nil {
		request.ContentType, request.Body = "application/json", base.AppendValue(nil, input)
	}
	answer, err := cluster.Do(ctx, request)
	if err != nil {
		return known(ctx, cluster, class, err)
	}
	outcome := "is so already"
	switch { // the address of its events comes with what led to some
	case answer.Status == http.StatusAccepted:
		outcome = "was taken"
	case answer.Header.Get("Location") != "" || answer.Header.Get("Picloud-Replayed") != "":
		outcome = "is done"
	}
	if _, err = fmt.Fprintf(o.Stdout, "%s of %s %s, position %d\n", operation, ref, outcome, answer.Position); err == nil && leaves {
		o.left(ctx, cluster, ref)
	}
	return err
}

// known adds to the error of a name that nothing of the cluster has those that
// there are.
func known(ctx context.Context, cluster *client.Client, class *base.Class, err error) error {
	var failed *base.Error
	if !class.InCluster || !errors.As(err, &failed) || failed.Code != base.NotFound {
		return err
	}
	all, unread := pages(ctx, cluster, "/"+class.Segment, listOptions{})
	if unread != nil || len(all) == 0 {
		return err
	}
	var names []string
	for _, one := range all {
		names = append(names, text(one, "/name"))
	}
	failed.Detail += "; there are: " + strings.Join(names, ", ")
	return err
}
