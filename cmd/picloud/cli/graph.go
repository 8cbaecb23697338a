package cli

import (
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

// answers are the media types of a query's answer by -o.
var answers = map[string]string{
	"table":  "application/sparql-results+json, text/turtle;q=0.9",
	"json":   "application/sparql-results+json, application/ld+json;q=0.9",
	"csv":    "text/csv",
	"tsv":    "text/tab-separated-values",
	"xml":    "application/sparql-results+xml",
	"turtle": "text/turtle",
}

func (a *App) graph() *cobra.Command {
	return group(&cobra.Command{Use: "graph", Short: "Ask the graph of the cluster in SPARQL"}, a.graphQuery())
}

func (a *App) graphQuery() *cobra.Command {
	var file, product string
	c := &cobra.Command{
		Use:   "query [QUERY]",
		Short: "Run a SPARQL query",
		Long:  "Run a SPARQL query, given as an argument, in a file (-f) or on standard input (-f -).",
		Args:  between(0, 1),
		Example: `  picloud graph query 'PREFIX pc: <https://picloud.local/ontology#>
    SELECT ?name ?phase { ?r pc:name ?name ; pc:phase ?phase } ORDER BY ?name'`,
		RunE: func(c *cobra.Command, arguments []string) error {
			query, err := a.queryText(arguments, file)
			if err != nil {
				return err
			}
			path := "/sparql"
			if product != "" {
				path = "/products/" + url.PathEscape(product) + "/sparql"
			}
			return a.query(c, path, query)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "file with the query; - is standard input")
	c.Flags().StringVarP(&product, "product", "p", "", "ask the graph of one product")
	a.outputFlag(c, "table", "json", "csv", "tsv", "xml", "turtle")
	return c
}

func (a *App) queryText(arguments []string, file string) (string, error) {
	switch {
	case len(arguments) == 1 && file != "":
		return "", usagef("give the query as an argument or in a file, not both")
	case len(arguments) == 1:
		return arguments[0], nil
	case file == "":
		file = "-"
	}
	data, err := a.readInput(file)
	return string(data), err
}

func (a *App) query(c *cobra.Command, path, query string) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	answer, err := cluster.Do(c.Context(), client.Request{
		Method: http.MethodPost, Path: path, Accept: answers[a.output],
		ContentType: "application/sparql-query", Body: []byte(query),
	})
	var failed *base.Error
	if errors.As(err, &failed) && failed.Code == base.NotAcceptable {
		return usagef("-o %s does not fit this query: SELECT and ASK give table, json, csv, tsv and xml, CONSTRUCT and DESCRIBE table, json and turtle", a.output)
	}
	if err != nil {
		return err
	}
	if a.output != "table" || !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/sparql-results+json") {
		return a.copyOut(answer.Body)
	}
	return a.printResults(answer.Body, cluster.Root())
}

// results are SPARQL 1.1 Query Results in JSON (W3C Recommendation, 2013).
type results struct {
	Head struct {
		Vars []string `json:"vars"`
	} `json:"head"`
	Boolean *bool `json:"boolean"`
	Results struct {
		Bindings []map[string]struct {
			Type     string `json:"type"`
			Value    string `json:"value"`
			Datatype string `json:"datatype"`
			Lang     string `json:"xml:lang"`
		} `json:"bindings"`
	} `json:"results"`
}

func (a *App) printResults(data []byte, root string) error {
	var r results
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("the answer is no SPARQL result in JSON: %w", err)
	}
	if r.Boolean != nil {
		_, err := fmt.Fprintln(a.Stdout, *r.Boolean)
		return err
	}
	rows := make([][]string, len(r.Results.Bindings))
	for i, binding := range r.Results.Bindings {
		for _, name := range r.Head.Vars {
			value, bound := binding[name]
			switch {
			case !bound:
				rows[i] = append(rows[i], "")
			case value.Type == "uri":
				rows[i] = append(rows[i], short(value.Value, root))
			case value.Type == "bnode":
				rows[i] = append(rows[i], "_:"+value.Value)
			default:
				rows[i] = append(rows[i], strings.ReplaceAll(value.Value, "\n", " "))
			}
		}
	}
	a.table(r.Head.Vars, rows)
	if a.Interactive {
		fmt.Fprintf(a.Stderr, "%d rows\n", len(rows))
	}
	return nil
}

// short writes an IRI as people read it: terms of the ontology with their
// prefix, addresses of the cluster from its root.
func short(iri, root string) string {
	for _, own := range [][2]string{{"pm:", base.Meta}, {"pc:", base.Ontology}} {
		if local, ok := strings.CutPrefix(iri, own[1]); ok {
			return own[0] + local
		}
	}
	if path, ok := strings.CutPrefix(iri, root); ok && strings.HasPrefix(path, "/") {
		return path
	}
	return iri
}
