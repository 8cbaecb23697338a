package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

func (a *App) resource() *cobra.Command {
	return group(&cobra.Command{Use: "resource", Aliases: []string{"r"}, Short: "Declare, read and delete resources of every kind"},
		a.resourceApply(), a.resourcePlan(), a.resourceDiff(), a.resourceValidate(), a.resourceExport(),
		a.resourceGet(), a.resourceList(), a.resourceStatus(), a.resourceDelete(), a.resourceNew(), a.resourceEdit(),
		a.resourceHistory(), a.resourceWait(),
	)
}

func productFlag(c *cobra.Command, product *string) {
	c.Flags().StringVarP(product, "product", "p", "", "the product it belongs to")
}

// show prints one resource.
func (a *App) show(ctx context.Context, path, output string) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	accept := map[string]string{"turtle": "text/turtle", "jsonld": "application/ld+json"}[output]
	if accept == "" {
		accept = "application/json"
	}
	answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: path, Accept: accept})
	if err != nil {
		return err
	}
	switch output {
	case "json":
		return a.printJSON(answer.Body)
	case "yaml":
		return a.printYAML(answer.Body)
	}
	return a.copyOut(answer.Body)
}

func (a *App) resourceGet() *cobra.Command {
	var product string
	c := &cobra.Command{
		Use: "get KIND NAME", Short: "Show a resource", Args: between(1, 2), ValidArgsFunction: a.completeResources,
		RunE: func(c *cobra.Command, arguments []string) error {
			_, path, err := resourcePath(arguments, product)
			if err != nil {
				return err
			}
			return a.show(c.Context(), path, a.output)
		},
	}
	productFlag(c, &product)
	a.outputFlag(c, "yaml", "json", "turtle", "jsonld")
	return c
}

func (a *App) resourceStatus() *cobra.Command {
	var product string
	c := &cobra.Command{
		Use: "status KIND NAME", Short: "Show what is observed of a resource", Args: between(1, 2), ValidArgsFunction: a.completeResources,
		RunE: func(c *cobra.Command, arguments []string) error {
			_, path, err := resourcePath(arguments, product)
			if err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			resource, _, err := read(c.Context(), cluster, path, 0)
			if err != nil {
				return err
			}
			data := base.AppendValue(nil, resource.Get("status"))
			if a.output == "json" {
				return a.printJSON(data)
			}
			return a.printYAML(data)
		},
	}
	productFlag(c, &product)
	a.outputFlag(c, "yaml", "json")
	return c
}

// read reads one resource, at a position or later.
func read(ctx context.Context, cluster *client.Client, path string, at base.Position) (*base.Value, *client.Answer, error) {
	answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: path, Accept: "application/json", At: at})
	if err != nil {
		return nil, nil, err
	}
	v, failed := base.ReadJSON(answer.Body, base.Limits{})
	if failed != nil {
		return nil, nil, failed
	}
	return v, answer, nil
}

func (a *App) resourceDelete() *cobra.Command {
	var product string
	var data, yes bool
	c := &cobra.Command{
		Use: "delete KIND NAME", Short: "Delete a resource and what belongs to it", Args: exactly(2), ValidArgsFunction: a.completeResources,
		RunE: func(c *cobra.Command, arguments []string) error {
			class, path, err := resourcePath(arguments, product)
			if err != nil {
				return err
			}
			if slices.ContainsFunc(class.Operations, func(o base.Operation) bool { return o.Name == removal }) {
				return usagef("%s ends by its own command: picloud %s %s %s", class.Word, class.Word, removal, arguments[1])
			}
			if err := a.Agree(yes, "", "Delete "+path+"?"); err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			query := url.Values{}
			if data {
				query.Set("delete-data", "true")
			}
			_, err = cluster.Do(c.Context(), client.Request{Method: http.MethodDelete, Path: path, Query: query})
			if err == nil {
				fmt.Fprintln(a.Stderr, "deleted", path)
			}
			return err
		},
	}
	productFlag(c, &product)
	c.Flags().BoolVar(&data, "delete-data", false, "also delete resources that hold data")
	YesFlag(c, &yes)
	return c
}
