package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

// answers are the media types of a query's answer by -o.
var answers = map[string]string{
	"table":    "application/sparql-results+json, text/turtle;q=0.9",
	"json":     "application/sparql-results+json, application/ld+json;q=0.9",
	"csv":      "text/csv",
	"tsv":      "text/tab-separated-values",
	"xml":      "application/sparql-results+xml",
	"turtle":   "text/turtle",
	"ntriples": "application/n-triples",
	"jsonld":   "application/ld+json",
}

func (a *App) graphQuery() *cobra.Command {
	var file, at string
	var where place
	var watch, explain bool
	c := &cobra.Command{
		Use:   "query [QUERY]",
		Short: "Run a SPARQL query",
		Long: `Run a SPARQL query, given as an argument, in a file (-f) or on standard input.

With --watch the query stays: on a terminal its table is drawn again after each change; elsewhere rows that come and go are lines that begin
with + and -, or with -o json an event a line. A lost connection is resumed without a gap.`,
		Args: between(0, 1),
		Example: `  picloud graph query 'PREFIX pc: <https://picloud.local/ontology#>
    SELECT ?name ?phase { ?r pc:name ?name ; pc:phase ?phase } ORDER BY ?name'
  picloud graph query -p photo-app --watch -f containers.rq
  picloud graph query --store photo-app/catalogue -o csv < report.rq`,
		RunE: func(c *cobra.Command, arguments []string) error {
			switch {
			case at != "":
				return usagef("--at is reserved: a cluster answers queries as of now, each from one position of the log; what happened before is in \"picloud events stream --after %s\"", at)
			case watch && explain:
				return usagef("--watch shows what a query finds, --explain how; take one")
			case watch && a.output != "table" && a.output != "json":
				return usagef("--watch prints a table or, with -o json, an event a line")
			case explain && a.output != "table" && a.output != "json":
				return usagef("--explain prints a text or, with -o json, JSON")
			}
			q, err := a.question(where, "sparql", arguments, file)
			if err != nil {
				return err
			}
			switch {
			case watch:
				return a.watch(c.Context(), q)
			case explain:
				return a.explain(c.Context(), q)
			}
			return a.query(c.Context(), q)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "file with the query; - is standard input")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "go on with what changes, until interrupted")
	c.Flags().BoolVar(&explain, "explain", false, "run the query and tell how, instead of what it found")
	c.Flags().StringVar(&at, "at", "", "reserved: the position to ask at")
	a.placeFlags(c, &where, "ask")
	a.outputFlag(c, "table", "json", "csv", "tsv", "xml", "turtle", "ntriples", "jsonld")
	return c
}

// question is a text for an endpoint of a cluster.
type question struct {
	cluster *client.Client
	path    string
	text    string
}

func (a *App) question(where place, endpoint string, arguments []string, file string) (q question, err error) {
	if q.path, err = where.path(); err != nil {
		return q, err
	}
	q.path += "/" + endpoint
	if q.text, err = a.queryText(arguments, file); err != nil {
		return q, err
	}
	q.cluster, err = a.client()
	return q, err
}

// request is the question as a POST, which has no bound on its length.
func (q question) request(accept string) client.Request {
	return client.Request{Method: http.MethodPost, Path: q.path, Accept: accept, ContentType: "application/sparql-query", Body: []byte(q.text)}
}

func (a *App) query(ctx context.Context, q question) error {
	response, err := q.cluster.Open(ctx, q.request(answers[a.output]))
	var failed *base.Error
	if errors.As(err, &failed) && failed.Code == base.NotAcceptable {
		return usagef("-o %s does not fit this query: SELECT and ASK give table, json, csv, tsv and xml, CONSTRUCT and DESCRIBE table, json, turtle, ntriples and jsonld", a.output)
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if a.output == "table" && strings.HasPrefix(response.Header.Get("Content-Type"), "application/sparql-results+json") {
		return a.printResults(ctx, response.Body, q)
	}
	out := &lineEnd{Writer: a.Stdout, last: '\n'}
	if _, err := io.Copy(out, response.Body); err != nil {
		return brokenOff(ctx, err)
	}
	return out.end()
}

// brokenOff is an answer that ended in its middle: what was printed is not all.
// A node that has begun to answer can say no more than that.
func brokenOff(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &base.Error{Code: base.Unavailable, Detail: "the answer broke off, what was printed is not all of it; " +
		"most likely it met a limit of the node (time, rows or memory of a query): ask for less, or with a LIMIT\n" + err.Error()}
}

// lineEnd sees to it that what is written ends with a line feed.
type lineEnd struct {
	io.Writer
	last byte
}

func (l *lineEnd) Write(b []byte) (int, error) {
	if len(b) > 0 {
		l.last = b[len(b)-1]
	}
	return l.Writer.Write(b)
}

func (l *lineEnd) end() error {
	if l.last == '\n' {
		return nil
	}
	_, err := io.WriteString(l.Writer, "\n")
	return err
}

func (a *App) graphExplain() *cobra.Command {
	var file string
	var where place
	c := &cobra.Command{
		Use:   "explain [QUERY]",
		Short: "Run a SPARQL query and tell how it ran",
		Long:  "Run a SPARQL query and tell its algebra, the order of its operators, and how many rows each was thought to have and had.",
		Args:  between(0, 1),
		RunE: func(c *cobra.Command, arguments []string) error {
			q, err := a.question(where, "sparql", arguments, file)
			if err != nil {
				return err
			}
			return a.explain(c.Context(), q)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "file with the query; - is standard input")
	a.placeFlags(c, &where, "ask")
	a.outputFlag(c, "text", "json")
	return c
}

func (a *App) explain(ctx context.Context, q question) error {
	request := q.request("text/plain")
	if a.output == "json" {
		request.Accept = "application/json"
	}
	request.Query = url.Values{"explain": {"true"}}
	answer, err := q.cluster.Do(ctx, request)
	if err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(answer.Body)
	}
	return a.copyOut(answer.Body)
}

func (a *App) graphUpdate() *cobra.Command {
	var file string
	var where place
	c := &cobra.Command{
		Use:     "update [UPDATE]",
		Short:   "Change what a store holds by a SPARQL update",
		Long:    "Change what a store holds by a SPARQL update, given as an argument, in a file (-f) or on standard input: all of its operations or none.",
		Args:    between(0, 1),
		Example: `  picloud graph update --store photo-app/catalogue 'INSERT DATA { <urn:photo:1> <urn:title> "Harbour" }'`,
		RunE: func(c *cobra.Command, arguments []string) error {
			if err := where.needStore("an update changes a store"); err != nil {
				return err
			}
			q, err := a.question(where, "sparql", arguments, file)
			if err != nil {
				return err
			}
			request := q.request("")
			request.ContentType = "application/sparql-update"
			answer, err := q.cluster.Do(c.Context(), request)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Stderr, "done, position %s\n", answer.Position)
			return nil
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "file with the update; - is standard input")
	a.placeFlags(c, &where, "change")
	return c
}
