package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/runtime/rdf/lex"
)

// Error is a place where a text is not SPARQL.
type Error struct {
	Pos lex.Pos
	// Message says what is wrong and, where it is known, how to put it right.
	Message string
	// Expected is what could stand at the place, or "".
	Expected string
	// Excerpt is the line of the text and a caret below the place.
	Excerpt string
}

func (e *Error) Error() string { return e.Pos.String() + ": " + e.Message }

// excerpt cuts the line at pos out of the text, at most a screen's width of
// it, and puts a caret below.
func excerpt(text string, pos lex.Pos) string {
	const width = 100
	line := text
	for range pos.Line - 1 {
		_, rest, found := strings.Cut(line, "\n")
		if !found {
			break
		}
		line = rest
	}
	line, _, _ = strings.Cut(line, "\n")
	line = strings.ToValidUTF8(strings.TrimRight(line, "\r"), "\uFFFD")
	runes := []rune(strings.ReplaceAll(line, "\t", " "))
	caret := min(max(pos.Col-1, 0), len(runes))
	start := max(0, caret-width/2)
	end := min(len(runes), start+width)
	return string(runes[start:end]) + "\n" + strings.Repeat(" ", caret-start) + "^"
}

// wellKnown gives the namespace of a prefix that people use without declaring
// it.
func wellKnown(prefix string) (namespace string, ok bool) {
	switch prefix {
	case "pc":
		return "https://picloud.local/ontology#", true
	case "pm":
		return "https://picloud.local/ontology/meta#", true
	case "rdf":
		return "http://www.w3.org/1999/02/22-rdf-syntax-ns#", true
	case "rdfs":
		return "http://www.w3.org/2000/01/rdf-schema#", true
	case "xsd":
		return "http://www.w3.org/2001/XMLSchema#", true
	case "sh":
		return "http://www.w3.org/ns/shacl#", true
	case "owl":
		return "http://www.w3.org/2002/07/owl#", true
	case "skos":
		return "http://www.w3.org/2004/02/skos/core#", true
	case "foaf":
		return "http://xmlns.com/foaf/0.1/", true
	case "dcterms":
		return "http://purl.org/dc/terms/", true
	}
	return "", false
}

func undeclared(prefix string) string {
	msg := fmt.Sprintf("prefix %q is not declared", prefix+":")
	if ns, ok := wellKnown(prefix); ok {
		return msg + fmt.Sprintf("; add the line: PREFIX %s: <%s>", prefix, ns)
	}
	return msg + fmt.Sprintf("; declare it before the query: PREFIX %s: <…>", prefix)
}

// didYouMean finds the candidate that differs from word by at most two edits.
func didYouMean(word string, candidates []string) string {
	best, distance := "", 3
	for _, c := range candidates {
		if d := edits(strings.ToUpper(word), c); d < distance {
			best, distance = c, d
		}
	}
	return best
}

// edits is the Levenshtein distance of two short words.
func edits(a, b string) int {
	if utf8.RuneCountInString(a) > 32 {
		return 99
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
