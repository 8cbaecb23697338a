package http_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/knakk/rdf"

	own "github.com/picloud/picloud/runtime/rdf"
)

// TestEveryFormatSaysTheSame reads what is served as Turtle and JSON-LD and
// finds the triples that are served as N-Triples; another RDF library reads
// the Turtle alike.
func TestEveryFormatSaysTheSame(t *testing.T) {
	c, paths := everyKind(t)
	for _, path := range paths {
		want := c.triples(path, "application/n-triples", own.NTriples)
		for media, format := range map[string]own.Format{"text/turtle": own.Turtle, "application/ld+json": own.JSONLD} {
			if got := c.triples(path, media, format); !slices.Equal(got, want) {
				t.Errorf("%s: %s has %d triples, N-Triples %d\n%s\n%s", path, media, len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
		if got := knakk(t, c.do("GET", path, "", "Accept: text/turtle").body); got != len(want) {
			t.Errorf("%s: another library finds %d triples of %d", path, got, len(want))
		}
	}
}

func (c *cluster) triples(path, media string, format own.Format) (list []string) {
	c.t.Helper()
	got := c.want(200, c.do("GET", path, "", "Accept: "+media))
	quads, err := own.ParseAll(strings.NewReader(got.body), format, own.Options{Base: "https://picloud.local" + path})
	if err != nil {
		c.t.Fatalf("%s as %s: %v\n%s", path, media, err, got.body)
	}
	for _, q := range quads {
		list = append(list, fmt.Sprintf("%v %v %v", q.S, q.P, q.O))
	}
	slices.Sort(list)
	return list
}

func knakk(t *testing.T, turtle string) (n int) {
	t.Helper()
	decoder := rdf.NewTripleDecoder(strings.NewReader(turtle), rdf.Turtle)
	for {
		if _, err := decoder.Decode(); err == io.EOF {
			return n
		} else if err != nil {
			t.Errorf("%v in\n%s", err, turtle)
			return n
		}
		n++
	}
}
