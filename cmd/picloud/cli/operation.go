package cli

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/schema"
)

// operations is a group of commands for each kind that has operations, such as
// "node drain".
func (a *App) operations() (groups []*cobra.Command) {
	for _, class := range schema.Model.Classes {
		if len(class.Operations) == 0 {
			continue
		}
		var members []*cobra.Command
		for _, operation := range class.Operations {
			members = append(members, a.operation(class, operation))
		}
		groups = append(groups, group(&cobra.Command{Use: class.Word, Short: class.Comment, GroupID: "work"}, members...))
	}
	return groups
}

func (a *App) operation(class *base.Class, operation base.Operation) *cobra.Command {
	product := ""
	var flags []*fieldFlag
	c := &cobra.Command{
		Use: operation.Name + " NAME", Short: operation.Comment, Args: exactly(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, arguments []string) error {
			input, err := inputOf(flags)
			if err != nil {
				return err
			}
			_, path, err := resourcePath([]string{class.Word, arguments[0]}, product)
			if err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			request := client.Request{Method: http.MethodPost, Path: path + "/" + url.PathEscape(operation.Name), Accept: "application/json"}
			if input != nil {
				request.ContentType, request.Body = "application/json", base.AppendValue(nil, input)
			}
			answer, err := cluster.Do(c.Context(), request)
			if err != nil {
				return err
			}
			what := "is so already"
			if answer.Status == http.StatusAccepted {
				what = "was taken"
			}
			_, err = fmt.Fprintf(a.Stdout, "%s of %s %s, position %d\n", operation.Name, path, what, answer.Position)
			return err
		},
	}
	if class.InProduct {
		productFlag(c, &product)
	}
	if input := schema.Model.Class(operation.Input); input != nil {
		flags = addFieldFlags(c, input, nil)
	}
	return c
}

// inputOf makes the body of an operation from the flags that were given.
func inputOf(flags []*fieldFlag) (*base.Value, error) {
	if !given(flags) {
		return nil, nil
	}
	input := &base.Value{Kind: base.ObjectValue}
	for _, f := range flags {
		if len(f.texts) == 0 {
			continue
		}
		value := &base.Value{Kind: base.StringValue, Text: f.texts[0]}
		switch {
		case f.field.Form != base.Single || f.field.Type == base.TypeObject:
			v, err := base.ReadJSON([]byte(f.texts[0]), base.Limits{})
			if err != nil {
				return nil, usagef("--%s: expected JSON: %v", f.name, err)
			}
			value = v
		case f.field.Type == base.TypeInteger:
			n, err := base.ParseQuantity(f.texts[0], f.field.Syntax)
			if err != nil {
				return nil, usagef("--%s: %v", f.name, err)
			}
			value = &base.Value{Kind: base.NumberValue, Text: fmt.Sprint(n)}
		case f.field.Type == base.TypeBoolean:
			value = &base.Value{Kind: base.BoolValue, Bool: f.texts[0] == "true"}
		}
		input.Members = append(input.Members, &base.Member{Name: f.field.Name, Value: value})
	}
	return input, nil
}
