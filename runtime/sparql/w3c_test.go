package sparql_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/sparql/results"
	"github.com/picloud/picloud/runtime/sparql/syntax"
	"github.com/picloud/picloud/runtime/sparql/value"
)

const (
	mf      = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
	qt      = "http://www.w3.org/2001/sw/DataAccess/tests/test-query#"
	rs      = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
	w3cBase = "http://www.w3.org/2009/sparql/docs/tests/data-sparql11/"
)

// leftOut are the tests of the suite that do not run, each with its reason.
var leftOut = map[string]string{}

// w3cFolder finds the suites, which are not part of the repository.
func w3cFolder(t testing.TB) string {
	dir := os.Getenv("PICLOUD_W3C")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "w3c")
	}
	dir = filepath.Join(dir, "sparql11")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the W3C test suites are not here (%v); set PICLOUD_W3C to their folder", err)
	}
	return dir
}

// suite is one manifest with its folder.
type suite struct {
	dir, base string
	quads     []base.Quad
}

func loadTurtle(t testing.TB, path, baseIRI string) []base.Quad {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	format := rdf.Turtle
	if strings.HasSuffix(path, ".rdf") {
		format = rdf.RDFXML
	}
	quads, err := rdf.ParseAll(bytes.NewReader(data), format, rdf.Options{Base: baseIRI})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return quads
}

func loadSuite(t testing.TB, folder string) suite {
	dir := filepath.Join(w3cFolder(t), folder)
	b := w3cBase + folder + "/"
	return suite{dir: dir, base: b, quads: loadTurtle(t, filepath.Join(dir, "manifest.ttl"), b+"manifest.ttl")}
}

func (s suite) objects(subject base.Term, predicate string) []base.Term {
	var out []base.Term
	for _, q := range s.quads {
		if q.S == subject && q.P.Value == predicate {
			out = append(out, q.O)
		}
	}
	return out
}

func (s suite) object(subject base.Term, predicate string) base.Term {
	if all := s.objects(subject, predicate); len(all) > 0 {
		return all[0]
	}
	return base.Term{}
}

// file is the path of a file that the manifest names.
func (s suite) file(iri base.Term) string {
	return filepath.Join(s.dir, strings.TrimPrefix(iri.Value, s.base))
}

// tests are the subjects of one of the types, in the manifest's order.
func (s suite) tests(types ...string) []base.Term {
	var out []base.Term
	for _, q := range s.quads {
		if q.P.Value == base.RDFType && slices.Contains(types, strings.TrimPrefix(q.O.Value, mf)) {
			out = append(out, q.S)
		}
	}
	return out
}

func (s suite) name(test base.Term) string {
	return filepath.Base(s.dir) + "/" + s.object(test, mf+"name").Value
}

var (
	blankLabel = regexp.MustCompile(`_:[A-Za-z0-9.]+`)
	exponent   = regexp.MustCompile(`([0-9])e`)
)

var queryFolders = []string{"aggregates", "bind", "bindings", "cast", "construct", "exists", "functions", "grouping",
	"negation", "project-expression", "property-path", "subquery"}

var formatFolders = []string{"csv-tsv-res", "json-res"}

func TestW3CQueryEvaluation(t *testing.T) {
	passed, total := 0, 0
	for _, folder := range queryFolders {
		p, n := runEvaluation(t, loadSuite(t, folder))
		passed, total = passed+p, total+n
	}
	t.Logf("W3C SPARQL 1.1 query evaluation: %d of %d", passed, total)
}

func TestW3CResultFormats(t *testing.T) {
	passed, total := 0, 0
	for _, folder := range formatFolders {
		p, n := runEvaluation(t, loadSuite(t, folder))
		passed, total = passed+p, total+n
	}
	t.Logf("W3C SPARQL 1.1 results formats: %d of %d", passed, total)
}

func runEvaluation(t *testing.T, s suite) (passed, total int) {
	for _, test := range s.tests("QueryEvaluationTest", "CSVResultFormatTest") {
		name := s.name(test)
		total++
		ok := t.Run(name, func(t *testing.T) {
			if reason := leftOut[name]; reason != "" {
				t.Skip(reason)
			}
			evaluate(t, s, test)
		})
		if ok && leftOut[name] == "" {
			passed++
		}
	}
	return passed, total
}

func evaluate(t *testing.T, s suite, test base.Term) {
	action := s.object(test, mf+"action")
	queryFile := s.object(action, qt+"query")
	text, err := os.ReadFile(s.file(queryFile))
	if err != nil {
		t.Fatal(err)
	}
	q, err := sparql.Parse(string(text), sparql.Options{Base: queryFile.Value})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	r, err := sparql.Execute(context.Background(), q, s.dataset(t, action, q), sparql.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	want := s.object(test, mf+"result")
	if diff := compare(t, r, s.file(want), want.Value); diff != "" {
		t.Errorf("%s\n%s\n%s", text, diff, q.Algebra())
	}
}

// dataset loads what the test or its query names.
func (s suite) dataset(t *testing.T, action base.Term, q *sparql.Query) sparql.Dataset {
	store := rdf.NewStore()
	load := func(iri base.Term, graph base.Term) {
		quads := loadTurtle(t, s.file(iri), iri.Value)
		for i := range quads {
			quads[i].G = graph
			for _, term := range []*base.Term{&quads[i].S, &quads[i].O} {
				if term.Kind == base.BlankTerm {
					term.Value = filepath.Base(iri.Value) + term.Value
				}
			}
		}
		store.LoadQuads(quads)
	}
	var named []base.Term
	for _, iri := range s.objects(action, qt+"data") {
		load(iri, base.Term{})
	}
	named = append(named, s.objects(action, qt+"graphData")...)
	merged, alone := q.From()
	for _, iri := range append(slices.Clone(merged), alone...) {
		named = append(named, base.IRI(iri))
	}
	for _, iri := range named {
		load(iri, iri)
	}
	d := sparql.Dataset{Snapshot: store.Snapshot(), Default: []rdf.ID{rdf.DefaultGraph}}
	for _, iri := range named {
		if id, ok := d.Snapshot.Lookup(iri); ok {
			d.Named = append(d.Named, id)
		}
	}
	return d
}

// compare tells how a result differs from the one in a file.
func compare(t *testing.T, r *sparql.Result, file, iri string) string {
	if r.Form == syntax.Construct || r.Form == syntax.Describe {
		return compareGraphs(t, r, loadTurtle(t, file, iri))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	extension := filepath.Ext(file)
	if extension == ".csv" || extension == ".tsv" {
		return compareText(t, r, extension[1:], string(data))
	}
	want := readTable(t, file, iri, data)
	if want.Boolean != nil {
		if r.Form != syntax.Ask || r.Boolean != *want.Boolean {
			return fmt.Sprintf("got %v, want %v", r.Boolean, *want.Boolean)
		}
		return ""
	}
	got := &results.Table{Vars: r.Vars}
	for row, err := range r.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		got.Rows = append(got.Rows, slices.Clone(row))
	}
	if !rdf.Isomorphic(asQuads(got), asQuads(want)) || len(got.Rows) != len(want.Rows) {
		return fmt.Sprintf("got  %v\n%v\nwant %v\n%v", got.Vars, lines(got), want.Vars, lines(want))
	}
	return ""
}

func readTable(t *testing.T, file, iri string, data []byte) *results.Table {
	var table *results.Table
	var err error
	switch filepath.Ext(file) {
	case ".srx":
		table, err = results.ReadXML(bytes.NewReader(data))
	case ".srj":
		table, err = results.ReadJSON(bytes.NewReader(data))
	default:
		table = tableOfGraph(loadTurtle(t, file, iri))
	}
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// tableOfGraph reads the result set vocabulary of the older tests.
func tableOfGraph(quads []base.Quad) *results.Table {
	s := suite{quads: quads}
	table := &results.Table{}
	for _, q := range quads {
		switch q.P.Value {
		case rs + "resultVariable":
			table.Vars = append(table.Vars, q.O.Value)
		case rs + "boolean":
			b := q.O.Value == "true"
			table.Boolean = &b
		}
	}
	for _, q := range quads {
		if q.P.Value != rs+"solution" {
			continue
		}
		row := make([]base.Term, len(table.Vars))
		for _, binding := range s.objects(q.O, rs+"binding") {
			i := slices.Index(table.Vars, s.object(binding, rs+"variable").Value)
			row[i] = s.object(binding, rs+"value")
		}
		table.Rows = append(table.Rows, row)
	}
	return table
}

// canonical is a term in the form in which terms are compared: language tags in
// small letters, numbers in canonical form.
func canonical(t base.Term) base.Term {
	t.Lang = strings.ToLower(t.Lang)
	if t.Kind == base.LiteralTerm && value.Of(t).IsNumeric() {
		if cast, ok := value.Cast(t.Datatype); ok {
			if v, ok := cast([]value.Value{value.Of(t)}); ok {
				return v.Term()
			}
		}
	}
	return t
}

// asQuads makes a graph of a table, so that tables compare up to the labels of
// blank nodes, whatever the order of rows. Numbers compare by value and type:
// the suite's files were written by several engines.
func asQuads(t *results.Table) []base.Quad {
	var quads []base.Quad
	count := map[string]int{}
	for _, row := range t.Rows {
		var line strings.Builder
		for i, term := range row {
			fmt.Fprintf(&line, "%s=%v ", t.Vars[i], canonical(term))
		}
		count[line.String()]++
		node := base.Blank(fmt.Sprintf("row %s %d", line.String(), count[line.String()]))
		quads = append(quads, base.Quad{S: node, P: base.IRI("urn:n"), O: base.Integer(int64(count[line.String()]))})
		for i, term := range row {
			if term.Kind != base.NoTerm {
				quads = append(quads, base.Quad{S: node, P: base.IRI("urn:" + t.Vars[i]), O: canonical(term)})
			}
		}
	}
	return quads
}

func lines(t *results.Table) string {
	var out []string
	for _, row := range t.Rows {
		var b strings.Builder
		for i, term := range row {
			fmt.Fprintf(&b, "%s=%s ", t.Vars[i], syntax.TermString(term))
		}
		out = append(out, b.String())
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func compareGraphs(t *testing.T, r *sparql.Result, want []base.Quad) string {
	var got []base.Quad
	for q, err := range r.Quads() {
		if err != nil {
			t.Fatal(err)
		}
		q.G = base.Term{}
		got = append(got, q)
	}
	if rdf.Isomorphic(got, want) {
		return ""
	}
	return fmt.Sprintf("got  %v\nwant %v", got, want)
}

// compareText compares the lines that our writer makes, in any order, all blank
// nodes being alike. The suite has a double with "e" where its data has "E".
func compareText(t *testing.T, r *sparql.Result, format, want string) string {
	f, _ := results.FormatOf(format)
	var b bytes.Buffer
	if err := results.Write(&b, f, r.Vars, r.Rows()); err != nil {
		t.Fatal(err)
	}
	sorted := func(s string) []string {
		s = exponent.ReplaceAllString(blankLabel.ReplaceAllString(s, "_:b"), "${1}E")
		list := strings.Split(strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")), "\n")
		slices.Sort(list)
		return list
	}
	if slices.Equal(sorted(b.String()), sorted(want)) {
		return ""
	}
	return fmt.Sprintf("got\n%s\nwant\n%s", b.String(), want)
}

func TestW3CQuerySyntax(t *testing.T) {
	runSyntax(t, "query", append([]string{"syntax-query"}, queryFolders...), func(text, base string) error {
		_, err := sparql.Parse(text, sparql.Options{Base: base})
		return err
	})
}

func TestW3CUpdateSyntax(t *testing.T) {
	runSyntax(t, "update", []string{"syntax-update-1", "syntax-update-2", "delete-insert"}, func(text, base string) error {
		_, err := sparql.ParseUpdate(text, sparql.Options{Base: base})
		return err
	})
}

// runSyntax runs the syntax tests of folders. What an update is called differs:
// those of delete-insert have the types of queries.
func runSyntax(t *testing.T, what string, folders []string, parse func(text, base string) error) {
	passed, total := 0, 0
	for _, folder := range folders {
		s := loadSuite(t, folder)
		for _, test := range s.tests("PositiveSyntaxTest11", "NegativeSyntaxTest11", "PositiveUpdateSyntaxTest11", "NegativeUpdateSyntaxTest11") {
			total++
			ok := t.Run(s.name(test), func(t *testing.T) {
				action := s.object(test, mf+"action")
				text, err := os.ReadFile(s.file(action))
				if err != nil {
					t.Fatal(err)
				}
				err = parse(string(text), action.Value)
				wantError := strings.HasPrefix(s.object(test, base.RDFType).Value, mf+"Negative")
				if (err != nil) != wantError {
					t.Errorf("error %v, want one: %v\n%s", err, wantError, text)
				}
			})
			if ok {
				passed++
			}
		}
	}
	t.Logf("W3C SPARQL 1.1 %s syntax: %d of %d", what, passed, total)
}
