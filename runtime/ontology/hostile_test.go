package ontology_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The largest text that a field takes is judged in the time of a request,
// whatever it says. A quarter of it is tried, all with PICLOUD_LONG=1.
func TestLargestTextIsJudgedInTime(t *testing.T) {
	most := 1 << 18
	if os.Getenv("PICLOUD_LONG") != "" {
		most = 1 << 20
	}
	fill := func(line func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < most-500; i++ {
			b.WriteString(line(i))
		}
		return b.String()
	}
	for name, turtle := range map[string]string{
		"shapes":   fill(func(i int) string { return fmt.Sprintf("<#s%d> sh:node <#s%d> ; sh:class <#C> .\n", i, i+1) }),
		"patterns": fill(func(i int) string { return fmt.Sprintf("<#s%d> sh:pattern \"(a{900})%d\" .\n", i, i) }),
		"list":     "<#s> sh:in ( " + fill(func(i int) string { return fmt.Sprint(i, " ") }) + ") .",
		"siblings": fill(func(i int) string {
			return fmt.Sprintf("<#p%d> sh:property <#q%d>, <#q%d>, <#q%d> . <#q%d> sh:path <#p> ; sh:qualifiedValueShape <#q%d> ; sh:qualifiedMinCount 1 ; sh:qualifiedValueShapesDisjoint true .\n",
				i%100, i%997, i%499, i%251, i%300, i)
		}),
		"classes": fill(func(i int) string { return fmt.Sprintf("<#c%d> rdfs:subClassOf <#c%d>, sh:NodeShape .\n", i, i+1) }),
		"paths": fill(func(i int) string {
			return fmt.Sprintf("<#s%d> sh:path [ sh:inversePath [ sh:oneOrMorePath ( <#a> <#b> ) ] ] ; sh:minCount 1 .\n", i)
		}),
		"problems": fill(func(i int) string { return fmt.Sprintf("<#s%d> sh:minCount 1 .\n", i) }),
		"literal":  "<#s> sh:message \"" + strings.Repeat("a", most) + "\" .",
		"targets":  "<#s> sh:targetNode " + fill(func(i int) string { return fmt.Sprintf("<#n%d>, ", i) }) + "<#n> .",
		"nesting":  strings.Repeat("[ <#p> ", most/8),
	} {
		began := time.Now()
		got := check(turtle)
		took := time.Since(began)
		if took > 30*time.Second { // a fraction of a second on an idle machine
			t.Errorf("%s took %s", name, took)
		}
		t.Logf("%s: %s, %.120s", name, took.Round(time.Millisecond), got)
	}
}
