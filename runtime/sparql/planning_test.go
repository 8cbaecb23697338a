package sparql

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// numbered joins n texts made from their numbers.
func numbered(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.NewReplacer("$i", fmt.Sprint(i), "$j", fmt.Sprint(i+1)).Replace(text))
	}
	return b.String()
}

func TestLongPatternsArePlannedSoon(t *testing.T) {
	d := company(20_000)
	for name, text := range map[string]string{
		"chain":     "{ ?v0 a :Person . " + numbered(50, "?v$i :manager ?v$j . ") + "}",
		"star":      "{ " + numbered(50, "?s :knows ?o$i . ") + " FILTER(?o1 = ?o2) }",
		"mixed":     "{ " + numbered(25, "?s :knows ?o$i . ?o$i :name ?n$i . ") + "}",
		"optionals": "{ ?s a :Person " + numbered(50, "OPTIONAL { ?s :knows ?o$i . ?o$i :salary ?x$i } ") + "}",
		"filters":   "{ " + numbered(50, "?s :age ?a$i FILTER(?a$i > $i) FILTER EXISTS { ?s :knows ?k$i } ") + "}",
	} {
		q := mustParse(t, "SELECT * "+text+" LIMIT 1")
		best := time.Hour
		for range 3 {
			began := time.Now()
			r, err := Execute(context.Background(), q, d, Limits{})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			best = min(best, time.Since(began))
			r.Close()
		}
		t.Logf("%s planned in %v", name, best)
		if best > 50*time.Millisecond {
			t.Errorf("%s: planning took %v", name, best)
		}
	}
}

// A right side that is a product must stream: kept in a table it would be more
// than memory holds.
func TestProductsAreNotKept(t *testing.T) {
	d := company(50_000)
	for _, text := range []string{
		`SELECT * { ?s a :Person OPTIONAL { ?s :knows ?k . ?other :salary ?x } }`,
		`SELECT * { ?s a :Person FILTER EXISTS { ?s :knows ?k . ?other :salary ?x } }`,
		`SELECT * { ?s a :Person MINUS { ?s :none ?k . ?other :salary ?x . ?another :age ?y } }`,
		`SELECT * { ?s a :Person { { ?s :knows ?k . ?other :salary ?x } UNION { ?s :age ?k . ?other :age ?x } } }`,
		`SELECT * { ?s a :Person OPTIONAL { ?s :knows+ ?k } }`,
		`SELECT * { ?s :department ?d ; :knows/:knows+ ?k . ?k :age 25 }`,
		`SELECT * { ?s a :Person OPTIONAL { ?s :knows ?k . ?m :department ?b . ?n :department ?b } }`,
	} {
		r, err := Execute(context.Background(), mustParse(t, text), d, Limits{MaxMemoryBytes: 8 << 20})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range r.Rows() {
			if n++; err != nil {
				t.Errorf("%s: %v", text, err)
			}
			if n == 1000 {
				break
			}
		}
	}
}
