package cli

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/runtime/rdf"
)

func TestTablesFitTheTerminal(t *testing.T) {
	long := strings.Repeat("ä", 100)
	for width, widest := range map[int]int{200: 109, 80: 80, 40: 40, 5: 2*narrow + 2 + 2 + len("n")} {
		var out strings.Builder
		a := &App{Stdout: &out, Env: func(string) (string, bool) { return "", false }, Width: func() int { return width }}
		a.fittedTable([]string{"name", "text", "n"}, [][]string{{"ab", long, "1"}, {"abcdefghij", "x", "2"}})
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > max(widest, width) {
				t.Errorf("at %d columns a line has %d: %s", width, n, line)
			}
		}
		if width < 100 != strings.Contains(out.String(), "…") {
			t.Errorf("at %d columns:\n%s", width, out.String())
		}
	}
}

func TestCellsAreShortAndSafe(t *testing.T) {
	c := cells{root: "https://picloud.local", prefixes: [][2]string{{"e:", "http://e/"}, {"pc:", base.Ontology}}}
	var b binding
	if err := json.Unmarshal([]byte(`{"a":{"type":"uri","value":"http://e/x"},"b":{"type":"uri","value":"http://e/x/y"},"c":{"type":"uri","value":"https://picloud.local/products/p"},
		"d":{"type":"literal","value":"one\ntwo\u001b[2J","xml:lang":"en"},"e":{"type":"bnode","value":"n"}}`), &b); err != nil {
		t.Fatal(err)
	}
	if got, want := c.row([]string{"a", "b", "c", "d", "e", "f"}, b), []string{"e:x", "http://e/x/y", "/products/p", "one two\uFFFD[2J@en", "_:n", ""}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestQuadsThatHangTogetherStayTogether(t *testing.T) {
	var quads []base.Quad
	link := func(a, b string) {
		quads = append(quads, base.Quad{S: base.Blank(a), P: base.IRI("http://e/p"), O: base.Blank(b)})
	}
	link("a", "b")
	link("x", "y")
	link("c", "d")
	link("d", "b") // brings a, b, c and d together
	quads = append(quads, base.Quad{S: base.Blank("z"), P: base.IRI("http://e/p"), O: base.String("alone")})
	var sizes []int
	for _, group := range connected(quads) {
		sizes = append(sizes, len(group))
	}
	if !slices.Equal(sizes, []int{3, 1, 1}) {
		t.Errorf("%v", sizes)
	}
}

// What the cluster finds too large is halved until it fits; nothing is lost.
func TestALoadHalvesWhatIsTooLarge(t *testing.T) {
	var taken []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Count(string(body), "\n") > 3 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			fmt.Fprintf(w, `{"type": %q, "detail": "split it"}`, base.TooLarge.IRI())
			return
		}
		taken = append(taken, string(body))
		w.Header().Set("Picloud-Position", fmt.Sprint(len(taken)))
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	cluster, err := client.New(client.Config{Endpoints: []string{server.URL}, Domain: "example.com", CA: ca})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	l := &loader{app: &App{}, ctx: t.Context(), cluster: cluster, path: "/store/graph"}
	want := ""
	for i := range 20 {
		q := base.Quad{S: base.IRI(fmt.Sprint("http://e/", i)), P: base.IRI("http://e/p"), O: base.String(strings.Repeat("x", i*i))}
		want += string(rdf.AppendQuad(nil, q))
		if err := l.take(rdf.Statement{Quad: q}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(taken, ""); got != want || l.loaded != 20 || int(l.position) != len(taken) {
		t.Errorf("%d quads are counted, position %d; loaded was\n%s", l.loaded, l.position, got)
	}
}

func TestALiveQueryIsFollowedInLines(t *testing.T) {
	var out strings.Builder
	w := watcher{app: &App{Stdout: &out, output: "table"}, cells: cells{root: "https://picloud.local"}}
	for i, data := range []string{
		`{"position":1,"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"a"}},{"x":{"type":"literal","value":"a"}}]}}`,
		`{"position":2,"removed":[{"x":{"type":"literal","value":"a"}}],"added":[{"x":{"type":"literal","value":"b"}}]}`,
		`{"position":5,"reset":true,"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"c"}}]}}`,
	} {
		e := &client.LiveEvent{Whole: i != 1}
		if err := json.Unmarshal([]byte(data), e); err != nil {
			t.Fatal(err)
		}
		if err := w.show(e); err != nil {
			t.Fatal(err)
		}
	}
	if want := "+ a\n+ a\n- a\n+ b\n= what was missed is not known; all rows follow\n+ c\n"; out.String() != want || len(w.rows) != 1 {
		t.Errorf("%q, %q", out.String(), w.rows)
	}
}

// On a terminal the whole table stands in the place of the one before.
func TestALiveQueryIsDrawnAgain(t *testing.T) {
	var out strings.Builder
	a := &App{Stdout: &out, output: "table", Coloured: true, Env: func(string) (string, bool) { return "1", true }, Width: func() int { return 40 }}
	w := watcher{app: a}
	for i, data := range []string{
		`{"position":1,"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"a"}},{"x":{"type":"literal","value":"b"}}]}}`,
		`{"position":2,"removed":[{"x":{"type":"literal","value":"a"}}],"added":[{"x":{"type":"literal","value":"c"}}]}`,
	} {
		e := &client.LiveEvent{Whole: i == 0}
		if err := json.Unmarshal([]byte(data), e); err != nil {
			t.Fatal(err)
		}
		if err := w.show(e); err != nil {
			t.Fatal(err)
		}
	}
	screens := strings.Split(out.String(), "\x1b[H\x1b[2J")
	if len(screens) != 3 || !strings.HasSuffix(screens[1], "x\na\nb\n") || !strings.HasPrefix(screens[2], "2 rows at position 2, ") || !strings.HasSuffix(screens[2], "x\nb\nc\n") {
		t.Errorf("%q", screens)
	}
}

func TestGraphsOfALiveQueryAreLinesOfNQuads(t *testing.T) {
	var out strings.Builder
	w := watcher{app: &App{Stdout: &out, output: "table"}}
	for i, data := range []string{`{"position":1,"quads":["<a> <b> \"c\" ."]}`, `{"position":2,"removed":["<a> <b> \"c\" ."],"added":["<d> <e> <f> ."]}`} {
		e := &client.LiveEvent{Whole: i == 0}
		if err := json.Unmarshal([]byte(data), e); err != nil {
			t.Fatal(err)
		}
		if err := w.show(e); err != nil {
			t.Fatal(err)
		}
	}
	if want := "+ <a> <b> \"c\" .\n- <a> <b> \"c\" .\n+ <d> <e> <f> .\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
}

// A node that ends an answer in its middle is not said to speak no SPARQL.
func TestAnAnswerThatBreaksOffIsCalledThat(t *testing.T) {
	q := question{cluster: &client.Client{}}
	for text, want := range map[string]string{
		`{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"uri"`: "the answer broke off",
		`<html>`: "the answer is no SPARQL result",
	} {
		err := (&App{Stdout: io.Discard}).printResults(t.Context(), strings.NewReader(text), q)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
