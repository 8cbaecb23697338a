package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	generated "github.com/picloud/picloud/generated/cli"
	"github.com/picloud/picloud/generated/client"
)

// listOptions choose the members of a list.
type listOptions struct {
	product, phase, tag, text, deployment string
	everywhere                            bool
}

func (a *App) resourceList() *cobra.Command {
	var o listOptions
	c := &cobra.Command{
		Use: "list KIND", Short: "List the resources of a kind", Args: exactly(1), ValidArgsFunction: completeKinds,
		RunE: func(c *cobra.Command, arguments []string) error { return a.list(c.Context(), arguments[0], o) },
	}
	productFlag(c, &o.product)
	c.Flags().BoolVarP(&o.everywhere, "all", "A", false, "of the cluster and of all products")
	c.Flags().StringVar(&o.phase, "phase", "", "only those in a phase")
	c.Flags().StringVar(&o.tag, "tag", "", "only those with a tag, as key:value")
	c.Flags().StringVar(&o.deployment, "deployment", "", "only those of a deployment")
	c.Flags().StringVar(&o.text, "q", "", "only those whose name or description holds a text")
	a.outputFlag(c, "table", "json", "yaml")
	return c
}

func (a *App) list(ctx context.Context, word string, o listOptions) error {
	class, err := kindOf(word)
	if err != nil {
		return err
	}
	if err := checkPhase(o.phase); err != nil {
		return err
	}
	if o.tag != "" && !strings.Contains(o.tag, ":") {
		return usagef("--tag: %q is not key:value", o.tag)
	}
	collection := ""
	if !o.everywhere {
		if collection, err = collectionPath(class, o.product); err != nil {
			return err
		}
	}
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	collections, err := a.collections(ctx, cluster, class, collection)
	if err != nil {
		return err
	}
	var items []*base.Value
	for _, collection := range collections {
		more, err := pages(ctx, cluster, collection, o)
		if err != nil {
			return err
		}
		items = append(items, more...)
	}
	if a.output != "table" {
		data := base.AppendValue(nil, &base.Value{Kind: base.ArrayValue, Items: items})
		if a.output == "yaml" {
			return a.printYAML(data)
		}
		return a.printJSON(data)
	}
	columns := generated.Columns(class.Word)
	var header []string
	if o.everywhere && class.InProduct {
		columns = append([]generated.Column{{Title: "PRODUCT", Pointer: "/product"}}, columns...)
	}
	for _, column := range columns {
		header = append(header, column.Title)
	}
	rows := make([][]string, len(items))
	for i, item := range items {
		for _, column := range columns {
			rows[i] = append(rows[i], a.column(item, column, cluster.Root()))
		}
	}
	a.table(header, rows)
	return nil
}

// column is one cell of a table: quantities as people write them, addresses
// from the root.
func (a *App) column(item *base.Value, column generated.Column, root string) string {
	value := text(item, column.Pointer)
	if column.Syntax != base.PlainSyntax {
		var n int64
		if _, err := fmt.Sscan(value, &n); err == nil {
			return base.Quantity(n, column.Syntax)
		}
	}
	if path, ok := strings.CutPrefix(value, root+"/"); ok {
		return path[strings.LastIndexByte(path, '/')+1:]
	}
	if column.Time {
		if t, ok := base.ParseTime(value); ok {
			return t.Std().Local().Format("2006-01-02 15:04:05")
		}
	}
	return value
}

// collections are the places where a list looks: the one given, else all.
func (a *App) collections(ctx context.Context, cluster *client.Client, class *base.Class, collection string) ([]string, error) {
	if collection != "" {
		return []string{collection}, nil
	}
	var paths []string
	if class.InCluster {
		paths = append(paths, "/"+class.Segment)
	}
	if class.InProduct {
		products, err := pages(ctx, cluster, "/products", listOptions{})
		if err != nil {
			return nil, err
		}
		for _, product := range products {
			paths = append(paths, "/products/"+url.PathEscape(text(product, "/name"))+"/"+class.Segment)
		}
	}
	return paths, nil
}

// pages reads a whole collection.
func pages(ctx context.Context, cluster *client.Client, collection string, o listOptions) ([]*base.Value, error) {
	query := url.Values{"limit": {"1000"}}
	for name, value := range map[string]string{"phase": o.phase, "tag": o.tag, "q": o.text, "deployment": o.deployment} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var items []*base.Value
	for {
		answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: collection, Query: query, Accept: "application/json"})
		if err != nil {
			return nil, err
		}
		page, failed := base.ReadJSON(answer.Body, base.Limits{Bytes: 64 << 20})
		if failed != nil {
			return nil, failed
		}
		if list := page.Get("items"); list != nil {
			items = append(items, list.Items...)
		}
		next := page.Get("next")
		if next == nil {
			return items, nil
		}
		address, err := url.Parse(next.Text)
		if err != nil {
			return nil, err
		}
		query = address.Query()
	}
}
