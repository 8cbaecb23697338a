package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
	"github.com/picloud/picloud/runtime/rdf"
)

func (a *App) resourceExport() *cobra.Command {
	var product string
	c := &cobra.Command{
		Use:   "export -p PRODUCT",
		Short: "Print a live product as files declare it",
		Long:  "Print a live product with everything in it as files declare it. Applying what was printed changes nothing. Secret values are not shown, and kept where they are left out.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if product == "" {
				return usagef("name the product with -p PRODUCT")
			}
			return a.export(c.Context(), product)
		},
	}
	productFlag(c, &product)
	a.outputFlag(c, "picloud", "turtle", "json")
	return c
}

func (a *App) export(ctx context.Context, product string) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	values, err := liveProduct(ctx, cluster, product)
	if err != nil {
		return err
	}
	resources := make([]*lang.Resource, len(values))
	for i, v := range values {
		if resources[i], err = declared(v, cluster.Root()); err != nil {
			return err
		}
	}
	for _, name := range otherDeployments(values, product) {
		fmt.Fprintf(a.Stderr, "some of this was applied as the deployment %s; apply that with --deployment %s\n", name, name)
	}
	switch a.output {
	case "json":
		return a.printJSON(body(resources))
	case "turtle":
		return a.exportTurtle(ctx, cluster, resources)
	}
	return a.copyOut(lang.Print(schema.Model, cluster.Root(), resources))
}

// liveProduct reads a product and all that is declared in it.
func liveProduct(ctx context.Context, cluster *client.Client, product string) ([]*base.Value, error) {
	ref := "/products/" + url.PathEscape(product)
	v, _, err := read(ctx, cluster, ref, 0)
	if err != nil {
		return nil, err
	}
	values := []*base.Value{v}
	for _, class := range schema.Model.Classes {
		if !class.Kind || !class.InProduct || class.Origin != base.Declared {
			continue
		}
		more, err := pages(ctx, cluster, ref+"/"+class.Segment, listOptions{})
		if err != nil {
			return nil, err
		}
		values = append(values, more...)
	}
	return values, nil
}

// otherDeployments are those that own some of a product and are not called as
// it is, which apply would take for the name.
func otherDeployments(values []*base.Value, product string) (names []string) {
	for _, v := range values {
		if name := v.Get("status").Get("deployment"); name != nil && name.Text != product && !slices.Contains(names, name.Text) {
			names = append(names, name.Text)
		}
	}
	return names
}

// declared is what is declared of a resource that was read: all but its status.
func declared(v *base.Value, root string) (*lang.Resource, error) {
	iri := text(v, "/iri")
	path := strings.TrimPrefix(iri, root)
	if path == "" {
		path = "/"
	}
	class, address, violation := schema.Model.AddressOf(base.Ref(path))
	if violation != nil {
		return nil, fmt.Errorf("the answer describes %q: %s", iri, violation.Message)
	}
	kept := *v
	kept.Members = slices.DeleteFunc(slices.Clone(v.Members), func(m *base.Member) bool { return m.Name == "status" })
	return &lang.Resource{Class: class, Address: address, Value: &kept}, nil
}

// exportTurtle prints the resources in the triples that the cluster serves,
// without those that it observed itself.
func (a *App) exportTurtle(ctx context.Context, cluster *client.Client, resources []*lang.Resource) error {
	var quads []base.Quad
	for _, r := range resources {
		answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: string(r.Address.Ref), Accept: "application/n-triples"})
		if err != nil {
			return err
		}
		err = rdf.Parse(bytes.NewReader(answer.Body), rdf.NTriples, rdf.Options{}, func(s rdf.Statement) error {
			if !observed(r.Class, s.Quad, r.Address.Ref.Absolute(cluster.Root())) {
				quads = append(quads, s.Quad)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var out bytes.Buffer
	err := rdf.Write(&out, rdf.Turtle, slices.Values(quads), rdf.WriteOptions{
		Base: cluster.Root() + "/",
		Prefixes: []rdf.Prefix{
			{Name: "pc", IRI: base.Ontology}, {Name: "pm", IRI: base.Meta}, {Name: "rdf", IRI: rdfNamespace},
			{Name: "rdfs", IRI: rdfsNamespace}, {Name: "xsd", IRI: xsdNamespace},
		},
	})
	if err != nil {
		return err
	}
	return a.copyOut(out.Bytes())
}

const (
	rdfNamespace  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	rdfsNamespace = "http://www.w3.org/2000/01/rdf-schema#"
	xsdNamespace  = "http://www.w3.org/2001/XMLSchema#"
)

// observed tells what the cluster says of a resource by itself: the observed
// fields, and the fragments below them.
func observed(class *base.Class, q base.Quad, iri string) bool {
	if q.S.Value == iri {
		f := class.FieldOfIRI(q.P.Value)
		return f != nil && f.Observed
	}
	path, _ := strings.CutPrefix(q.S.Value, iri+"#")
	name, _, _ := strings.Cut(path, "/")
	f := class.Field(name)
	return f != nil && f.Observed
}
