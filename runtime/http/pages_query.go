package http

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// firstQuery is what the page for people begins with.
const firstQuery = `PREFIX pc: <https://picloud.local/ontology#>

SELECT ?kind (COUNT(?r) AS ?n) (SUM(IF(?phase = pc:Ready, 1, 0)) AS ?ready)
WHERE { ?r pc:kind ?kind OPTIONAL { ?r pc:phase ?phase } }
GROUP BY ?kind ORDER BY ?kind
`

// queryPage is the page to ask the graph from.
type queryPage struct {
	Action, Query string
	Examples      []link // of an empty page
	Problem       *problem
	Asked         bool
	Count         string
	Boolean       string
	Columns       []string
	Rows          [][]shown
}

func (p queryPage) describe(d *pageData) { d.Title = p.Title() }

// Title says what is asked: the cluster, or what the address is below.
func (p queryPage) Title() string {
	if below := strings.TrimSuffix(strings.TrimPrefix(p.Action, "/"), "sparql"); below != "" {
		return "Ask " + strings.TrimSuffix(below, "/")
	}
	return "Ask the graph"
}

// exampleLinks lead to the answers of the queries that an endpoint names.
func exampleLinks(e endpoint, path string) (links []link) {
	for _, x := range e.examples() {
		links = append(links, link{Text: strings.TrimSuffix(x.what, "."), Href: path + "?query=" + strings.ReplaceAll(url.QueryEscape(x.query), "+", "%20")})
	}
	return links
}

// pageRows is how many rows a page for people shows.
const pageRows = 1000

func (s *Server) queryPage(w http.ResponseWriter, r *http.Request, text string, result *sparql.Result) error {
	page := queryPage{Action: r.URL.Path, Query: text, Asked: true, Columns: result.Vars}
	more := false
	var failed error
	row := func(terms ...base.Term) bool {
		if more = len(page.Rows) == pageRows; more {
			return false
		}
		// The page is made whole before it is sent, and its text escaped.
		size := 0
		for _, t := range terms {
			size += 500 + 8*len(t.Value)
		}
		if failed = result.Hold(size); failed != nil {
			return false
		}
		cells := make([]shown, len(terms))
		for i, t := range terms {
			cells[i] = s.term(t)
		}
		page.Rows = append(page.Rows, cells)
		return true
	}
	switch result.Form {
	case syntax.Ask:
		page.Boolean = strconv.FormatBool(result.Boolean)
	case syntax.Select:
		for terms, err := range result.Rows() {
			if failed = err; err != nil || !row(terms...) {
				break
			}
		}
	default:
		page.Columns = []string{"subject", "predicate", "object"}
		for q, err := range result.Quads() {
			if failed = err; err != nil || !row(q.S, q.P, q.O) {
				break
			}
		}
	}
	if failed != nil {
		return failed
	}
	page.Count = strconv.Itoa(len(page.Rows)) + " rows"
	if more {
		page.Count = "the first " + page.Count
	}
	s.page(w, r, http.StatusOK, "query", page)
	return nil
}
