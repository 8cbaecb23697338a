package cli

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

func (a *App) graph() *cobra.Command {
	return group(&cobra.Command{Use: "graph", Short: "Ask the graph of the cluster in SPARQL, and change what stores hold"},
		a.graphQuery(), a.graphExplain(), a.graphUpdate(), a.graphLoad(), a.graphDump(), a.graphFindings(), a.graphQueries(), a.graphCancel())
}

// place says which graphs are meant: those of the cluster, of a product, or of
// a store.
type place struct{ product, store string }

func (a *App) placeFlags(c *cobra.Command, p *place, verb string) {
	c.Flags().StringVarP(&p.product, "product", "p", "", verb+" the graphs of one product, or the store in it")
	c.Flags().StringVar(&p.store, "store", "", verb+" what a store holds: NAME with -p, or PRODUCT/NAME")
}

// path is the address of what is meant, without the word at its end.
func (p place) path() (string, error) {
	if p.store == "" {
		if p.product == "" {
			return "", nil
		}
		return "/products/" + url.PathEscape(p.product), nil
	}
	product, name, whole := strings.Cut(p.store, "/")
	if !whole {
		product, name = p.product, p.store
	}
	switch {
	case product == "":
		return "", usagef("--store %s: of which product? name it with -p, or as PRODUCT/%s", p.store, p.store)
	case name == "" || strings.Contains(name, "/"):
		return "", usagef("--store is NAME or PRODUCT/NAME, not %q", p.store)
	case p.product != "" && p.product != product:
		return "", usagef("--store names the product %s, -p names %s", product, p.product)
	}
	return "/products/" + url.PathEscape(product) + "/" + storeSegment() + "/" + url.PathEscape(name), nil
}

// storeSegment is the part of an address that says that a store follows.
func storeSegment() string {
	i := slices.IndexFunc(schema.Model.Classes, func(c *base.Class) bool { return c.Dataset })
	return schema.Model.Classes[i].Segment
}

// needStore refuses what only stores can do.
func (p place) needStore(what string) error {
	if p.store == "" {
		return usagef("%s: name the store with --store; the platform's own graphs follow from resources, so change those (\"picloud resource apply\")", what)
	}
	return nil
}

// queryText is what is asked: an argument, a file, or standard input.
func (a *App) queryText(arguments []string, file string) (string, error) {
	if len(arguments) == 1 && file != "" {
		return "", usagef("give the text as an argument or in a file, not both")
	}
	if len(arguments) == 1 && arguments[0] != "-" {
		return arguments[0], nil
	}
	data, err := a.readInput(cmp.Or(file, "-"))
	if err == nil && len(bytes.TrimSpace(data)) == 0 {
		return "", usagef("there is nothing to ask: give the text as an argument, in a file with -f, or on standard input")
	}
	return string(data), err
}

// usualPrefixes shorten what people know.
var usualPrefixes = [][2]string{
	{"pm:", base.Meta}, {"pc:", base.Ontology}, {"rdf:", base.RDF}, {"rdfs:", base.RDFS}, {"xsd:", base.XSD},
	{"owl:", "http://www.w3.org/2002/07/owl#"}, {"sh:", "http://www.w3.org/ns/shacl#"},
}

// short writes an IRI as people read it: terms of known vocabularies with their
// prefix, addresses of the cluster from its root.
func short(iri, root string) string { return shorter(iri, root, usualPrefixes) }

func shorter(iri, root string, prefixes [][2]string) string {
	for _, p := range prefixes {
		if local, ok := strings.CutPrefix(iri, p[1]); ok && local != "" && !strings.ContainsAny(local, "/#?") {
			return p[0] + local
		}
	}
	if path, ok := strings.CutPrefix(iri, root); ok && strings.HasPrefix(path, "/") {
		return path
	}
	return iri
}
