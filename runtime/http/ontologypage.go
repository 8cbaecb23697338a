package http

import (
	"bytes"
	"html/template"
	"strings"
)

var ontologyTemplate = template.Must(template.New("ontology").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ontology · {{.Domain}}</title>
<style>:root{color-scheme:light dark}body{margin:0 auto;max-width:80rem;padding:1.5rem;font:15px/1.5 system-ui,sans-serif}
pre{font:13px/1.55 ui-monospace,monospace;overflow:auto}span:target{background:#ffe08a;color:#000}</style></head>
<body><p><a href="/">{{.Domain}}</a></p><h1>The ontology</h1>
<p>What this cluster knows about its kinds, as <a href="?format=ttl">Turtle</a>, <a href="?format=jsonld">JSON-LD</a> or <a href="?format=nt">N-Triples</a>.</p>
<pre>{{range .Lines}}{{if .ID}}<span id="{{.ID}}">{{.Text}}</span>{{else}}{{.Text}}{{end}}
{{end}}</pre></body></html>
`))

// ontologyHTML shows a vocabulary as its source, each term at its anchor, so
// that the IRI of a term leads a person to the lines that define it.
func ontologyHTML(domain, source string) []byte {
	type line struct{ ID, Text string }
	var lines []line
	for text := range strings.Lines(source) {
		text = strings.TrimRight(text, "\n")
		l := line{Text: text}
		if name, _, ok := strings.Cut(text, " "); ok && (strings.HasPrefix(name, "pc:") || strings.HasPrefix(name, "pm:")) {
			l.ID = name[3:]
		}
		lines = append(lines, l)
	}
	var b bytes.Buffer
	if err := ontologyTemplate.Execute(&b, struct {
		Domain string
		Lines  []line
	}{domain, lines}); err != nil { // a constant template over strings: cannot happen
		panic(err)
	}
	return b.Bytes()
}
