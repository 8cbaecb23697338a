package sparql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

func quadText(t testing.TB, quads []base.Quad) string {
	t.Helper()
	var b bytes.Buffer
	if err := rdf.Write(&b, rdf.NQuads, slices.Values(quads), rdf.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func parseUpdate(t testing.TB, text string) *sparql.Update {
	t.Helper()
	u, err := sparql.ParseUpdate("PREFIX : <http://example.org/>\n"+text, sparql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func snapshotOf(t testing.TB, trig string) *rdf.Snapshot {
	t.Helper()
	return graph(t, trig).Snapshot
}

const prefix = "@prefix : <http://example.org/> . "

// short writes a change with the example namespace left out.
func short(c sparql.Change) string {
	var out []string
	for sign, quads := range map[string][]base.Quad{"-": c.Removed, "+": c.Added} {
		for _, q := range quads {
			line := fmt.Sprint(sign, q.S.Value, " ", q.P.Value, " ", q.O.Value, " ", q.G.Value)
			out = append(out, strings.TrimSpace(strings.ReplaceAll(line, "http://example.org/", "")))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "; ")
}

func TestUpdateGivesTheNetChange(t *testing.T) {
	for update, want := range map[string]string{
		`INSERT DATA { :a :p 1 }`:                           ``,
		`INSERT DATA { :a :p 2 } ; DELETE DATA { :a :p 2 }`: ``,
		`DELETE DATA { :a :p 1 } ; INSERT DATA { :a :p 1 }`: ``,
		`DELETE WHERE { ?s ?p ?o } ; INSERT { :n :p ?n } WHERE { SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o } }`: `+n p 0; -a p 1`,
		`INSERT DATA { :b :p 2 } ; INSERT { ?s :q ?o } WHERE { ?s :p ?o }`:                                     `+a q 1; +b p 2; +b q 2`,
		`MOVE :g TO DEFAULT`:        `+c p 3; -a p 1; -c p 3 g`,
		`COPY DEFAULT TO :g`:        `+a p 1 g; -c p 3 g`,
		`ADD :g TO :h`:              `+c p 3 h`,
		`ADD :g TO :g`:              ``,
		`CLEAR ALL`:                 `-a p 1; -c p 3 g`,
		`CLEAR NAMED`:               `-c p 3 g`,
		`DROP GRAPH :absent`:        ``,
		`CREATE GRAPH :new`:         ``,
		`CREATE SILENT GRAPH :g`:    ``,
		`COPY SILENT :absent TO :g`: ``,
		`LOAD SILENT <http://example.org/x> ; DELETE DATA { :a :p 1 }`:               `-a p 1`,
		`WITH :g DELETE { ?s :p ?o } INSERT { ?s :q ?o } WHERE { ?s :p ?o }`:         `+c q 3 g; -c p 3 g`,
		`INSERT { ?s :q ?o } USING :g WHERE { ?s :p ?o }`:                            `+c q 3`,
		`WITH :h INSERT { ?s :q ?o } USING NAMED :g WHERE { GRAPH ?g { ?s :p ?o } }`: `+c q 3 h`,
		`INSERT { GRAPH ?o { ?s ?p ?o } } WHERE { ?s ?p ?o }`:                        ``,
		`INSERT { ?o ?p ?s } WHERE { ?s ?p ?o }`:                                     ``,
		`INSERT { :x :y ?unbound, 7 } WHERE { ?s ?p ?o }`:                            `+x y 7`,
		`DELETE { :a :p 1 } INSERT { :a :p 1 } WHERE {}`:                             ``,
	} {
		c, err := parseUpdate(t, update).Run(context.Background(),
			sparql.UpdateDataset{Snapshot: snapshotOf(t, prefix+`:a :p 1 . :g { :c :p 3 }`)}, sparql.Limits{})
		if err != nil {
			t.Errorf("%s: %v", update, err)
		} else if got := short(c); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", update, got, want)
		}
	}
}

func isD(graph base.Term) bool { return graph.Value == "http://example.org/d" }

func TestUpdateThatFailsSaysWhatToDoAndChangesNothing(t *testing.T) {
	d := sparql.UpdateDataset{Snapshot: snapshotOf(t, prefix+`:a :p 1 . :g { :c :p 3 } :d { :c :p 4 }`), Derived: isD}
	for update, want := range map[string]string{
		`CREATE GRAPH :g`:                                               `the graph <http://example.org/g> exists already; insert into it, or write CREATE SILENT`,
		`COPY :absent TO :g`:                                            `there is no graph <http://example.org/absent> to copy; write COPY SILENT where that is no failure`,
		`LOAD <file:///etc/passwd>`:                                     `LOAD reads no file: IRIs; send the document to the graph store instead (PUT or POST with ?graph=)`,
		`LOAD <http://example.org/x>`:                                   `LOAD is switched off: the server fetches nothing on behalf of a caller; fetch <http://example.org/x> yourself and send it to the graph store (PUT or POST with ?graph=)`,
		`INSERT DATA { GRAPH :d { :a :b 1 } }`:                          `the graph <http://example.org/d> holds what follows from other graphs, so it changes only with them; change those`,
		`WITH :d DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }`:                `the graph <http://example.org/d> holds what follows from other graphs, so it changes only with them; change those`,
		`CLEAR GRAPH :d`:                                                `the graph <http://example.org/d> holds what follows from other graphs, so it changes only with them; change those`,
		`INSERT { ?s :q 1 } WHERE { SERVICE <http://x/> { ?s ?p ?o } }`: `SERVICE`,
	} {
		c, err := parseUpdate(t, `INSERT DATA { :new :p 1 } ; `+update).Run(context.Background(), d, sparql.Limits{})
		if err == nil || !strings.Contains(err.Error(), want) || !c.Empty() {
			t.Errorf("%s\ngot  %v %v\nwant %s", update, err, short(c), want)
		}
	}
}

func TestDerivedGraphsAreReadAndNeverWritten(t *testing.T) {
	d := sparql.UpdateDataset{Snapshot: snapshotOf(t, prefix+`:a :p 1 . :g { :c :p 3 } :d { :c :p 4 }`),
		Derived: isD, Merged: []string{"http://example.org/d"}}
	for update, want := range map[string]string{
		`CLEAR ALL`: `-a p 1; -c p 3 g`,
		`DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }`: `-c p 3 g`,
		`INSERT { ?s :q ?o } WHERE { ?s :p ?o }`:                           `+a q 1; +c q 4`,
		`ADD :d TO :g`:                                                     `+c p 4 g`,
		`CLEAR SILENT GRAPH :d`:                                            ``,
	} {
		c, err := parseUpdate(t, update).Run(context.Background(), d, sparql.Limits{})
		if got := short(c); err != nil || got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", update, got, err, want)
		}
	}
}

func TestLoadTakesWhatTheLoaderGives(t *testing.T) {
	d := sparql.UpdateDataset{Load: func(_ context.Context, source string) ([]base.Quad, error) {
		if source != "http://example.org/x" {
			return nil, errors.New("not there")
		}
		return []base.Quad{{S: base.Blank("b"), P: base.IRI("http://example.org/p"), O: base.Blank("b")}}, nil
	}}
	c, err := parseUpdate(t, `LOAD <http://example.org/x> INTO GRAPH :g ; LOAD SILENT <http://example.org/y>`).Run(context.Background(), d, sparql.Limits{})
	if err != nil || len(c.Added) != 1 || c.Added[0].S != c.Added[0].O || c.Added[0].S.Value == "b" || c.Added[0].G.Value != "http://example.org/g" {
		t.Errorf("%v %v", c, err)
	}
	_, err = parseUpdate(t, `LOAD <http://example.org/y>`).Run(context.Background(), d, sparql.Limits{})
	if err == nil || err.Error() != "<http://example.org/y> could not be loaded: not there; LOAD SILENT goes on without it" {
		t.Error(err)
	}
}

func TestBlankNodesOfAnUpdateAreNewAndThoseOfTheStoreStay(t *testing.T) {
	s := snapshotOf(t, prefix+`_:b :p 1 . :a :q 1 , 2 .`)
	run := func(text string) sparql.Change {
		c, err := parseUpdate(t, text).Run(context.Background(), sparql.UpdateDataset{Snapshot: s}, sparql.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	labels := map[string]bool{}
	for _, q := range run(`INSERT DATA { _:b :r _:b , _:c } ; INSERT { _:b :s ?o } WHERE { :a :q ?o }`).Added {
		labels[q.S.Value], labels[q.O.Value] = true, true
	}
	delete(labels, "1")
	delete(labels, "2")
	if len(labels) != 4 || labels["b"] {
		t.Errorf("four new nodes were expected, got %v", labels)
	}
	moved := run(`DELETE { ?s :p 1 } INSERT { ?s :p 2 } WHERE { ?s :p 1 }`)
	if moved.Removed[0].S != moved.Added[0].S {
		t.Errorf("a node of the store got another name: %v", moved)
	}
}

func TestUsingOfTheProtocolStandsForUsingOfTheText(t *testing.T) {
	d := sparql.UpdateDataset{Snapshot: snapshotOf(t, prefix+`:a :p 1 . :g { :c :p 3 } :h { :d :p 4 }`)}
	u, err := parseUpdate(t, `INSERT { ?s :q ?o } WHERE { ?s :p ?o } ; INSERT { ?s :r ?g } WHERE { GRAPH ?g { ?s :p ?o } }`).
		WithDataset([]string{"http://example.org/g"}, []string{"http://example.org/h"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := u.Run(context.Background(), d, sparql.Limits{})
	if got := short(c); err != nil || got != "+c q 3; +d r h" {
		t.Error(got, err)
	}
	for _, text := range []string{`WITH :g DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }`, `INSERT { :a :b 1 } USING :g WHERE {}`} {
		if _, err := parseUpdate(t, text).WithDataset([]string{"http://e/"}, nil); err == nil {
			t.Errorf("%s takes using-graph-uri", text)
		}
	}
}

func TestUpdateWithinOneGraphTouchesNoOther(t *testing.T) {
	d := sparql.UpdateDataset{Snapshot: snapshotOf(t, prefix+`:a :p 1 . :g { :c :p 3 }`)}
	for text, want := range map[string]string{
		`INSERT DATA { :n :p 1 } ; DELETE DATA { :c :p 3 }`:          `+n p 1 g; -c p 3 g`,
		`DELETE WHERE { ?s ?p ?o }`:                                  `-c p 3 g`,
		`DELETE { ?s :p ?o } INSERT { ?s :q ?o } WHERE { ?s :p ?o }`: `+c q 3 g; -c p 3 g`,
		`CLEAR DEFAULT`:                        `-c p 3 g`,
		`CLEAR ALL`:                            `refused`,
		`INSERT DATA { GRAPH :h { :n :p 1 } }`: `refused`,
		`WITH :h DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }`:                   `refused`,
		`INSERT { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }`: `refused`,
		`MOVE DEFAULT TO :h`: `refused`,
	} {
		u, err := parseUpdate(t, text).Within("http://example.org/g")
		got := "refused"
		if err == nil {
			var c sparql.Change
			c, err = u.Run(context.Background(), d, sparql.Limits{})
			got = short(c)
		}
		if got != want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", text, got, err, want)
		}
	}
}

func TestUpdatesKeepTheirLimits(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, ":s%d :p %d . ", i, i)
	}
	d := sparql.UpdateDataset{Snapshot: snapshotOf(t, prefix+b.String())}
	cross := `INSERT { ?a ?x ?c } WHERE { ?a ?b ?c . ?x ?y ?z . ?u ?v ?w }`
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for name, test := range map[string]struct {
		ctx    context.Context
		update string
		limits sparql.Limits
		want   sparql.Code
	}{
		"time":                {context.Background(), cross, sparql.Limits{Timeout: 50 * time.Millisecond}, sparql.CodeTimeout},
		"memory":              {context.Background(), `INSERT { ?a ?b ?c . ?c2 ?b ?a } WHERE { ?a ?b ?c . ?c2 ?y ?z }`, sparql.Limits{MaxMemoryBytes: 64 << 10}, sparql.CodeOverBudget},
		"quads":               {context.Background(), `CLEAR ALL`, sparql.Limits{MaxRows: 299}, sparql.CodeOverBudget},
		"memory of all":       {context.Background(), `CLEAR ALL`, sparql.Limits{Meter: sparql.NewMeter(sparql.NewPool(1 << 10))}, sparql.CodeOverBudget},
		"memory of a clear":   {context.Background(), `CLEAR ALL`, sparql.Limits{MaxMemoryBytes: 16 << 10}, sparql.CodeOverBudget},
		"a caller who leaves": {gone, `CLEAR ALL`, sparql.Limits{}, sparql.CodeCanceled},
	} {
		_, err := parseUpdate(t, test.update).Run(test.ctx, d, test.limits)
		var e *sparql.Error
		if !errors.As(err, &e) || e.Code != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
		if test.want == sparql.CodeTimeout && err.Error() != "the update took longer than 50ms, so nothing of it was done; make its patterns more selective, or divide it" {
			t.Error(err)
		}
		if test.want == sparql.CodeOverBudget && (!strings.HasPrefix(err.Error(), "the update ") || !strings.Contains(err.Error(), "LIMIT 100000 }") || !strings.Contains(err.Error(), "delete the store")) {
			t.Errorf("%s: %v does not tell what helps an update", name, err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := rdf.NewStore()
	var quads []base.Quad
	for i := range 100_000 {
		quads = append(quads, base.Quad{S: base.IRI(fmt.Sprint("http://example.org/s", i/10)), P: base.IRI(fmt.Sprint("http://example.org/p", i%10)), O: base.Integer(int64(i))})
	}
	s.LoadQuads(quads)
	d := sparql.UpdateDataset{Snapshot: s.Snapshot()}
	var data strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&data, ":n%d :p %d . ", i, i)
	}
	for name, text := range map[string]string{
		"one quad":                  `INSERT DATA { :n :p 1 }`,
		"replace one value":         `DELETE { :s7 :p1 ?v } INSERT { :s7 :p1 1 } WHERE { :s7 :p1 ?v }`,
		"look at a change":          `INSERT DATA { :s7 :p 1 } ; DELETE { :s7 :p1 ?v } WHERE { :s7 :p 1 ; :p1 ?v }`,
		"10,000 quads of data":      `INSERT DATA { ` + data.String() + `}`,
		"rewrite 10,000 of 100,000": `DELETE { ?s :p1 ?o } INSERT { ?s :p11 ?o } WHERE { ?s :p1 ?o }`,
	} {
		u := parseUpdate(b, text)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := u.Run(context.Background(), d, sparql.Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
