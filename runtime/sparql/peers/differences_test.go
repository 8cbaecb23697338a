package peers

import "regexp"

// explanations are the differences that differences.md explains, those that a
// pattern tells best first.
var explanations = []known{
	{name: "a column twice", query: twice, failure: regexp.MustCompile(`more than once in SELECT|Duplicated variable|expected one of`)},
	{name: "form of numbers", lexical: true},
	{name: "graph without a pattern", test: regexp.MustCompile(`aggregates/COUNT: no GROUP BY inside|bindings/VALUES inside GRAPH|random/`), query: regexp.MustCompile(`(?s)GRAPH \?\w+ {\s*({|BIND|VALUES|SELECT)`)},
	{name: "order left open", engines: comunica, query: regexp.MustCompile(`ORDER BY .*LIMIT`)},
	{name: "graph around an optional part", engines: oxigraphs, query: regexp.MustCompile(`GRAPH \?\w+ {.*OPTIONAL`)},
	{name: "graph around MINUS", engines: oxigraphs, test: regexp.MustCompile(`outer GRAPH operator does not affect MINUS`)},
	{name: "joined language tags", engines: oxigraphs, test: regexp.MustCompile(`GROUP_CONCAT with`)},
	{name: "constant of a path", engines: oxigraphs, query: regexp.MustCompile(`[)a-z][*?][ )]`)},
	{name: "ways counted once", engines: oxigraphs, query: regexp.MustCompile(`\)\|\(|!\(|!:`)},
	{name: "aggregates of what is no number", engines: comunica, query: regexp.MustCompile(`(SUM|MIN|MAX)\(`)},
	{name: "way to itself", engines: comunica, query: regexp.MustCompile(`(\?a \S*\+\S* \?a|\?b \S*\+\S* \?b|\?c \S*\+\S* \?c|\?d \S*\+\S* \?d|\?e \S*\+\S* \?e) `)},
	{name: "joins not planned", engines: comunica, failure: regexp.MustCompile(`RDF joining failed`)},
	{name: "no end", engines: comunica, query: regexp.MustCompile(`/.*\)[*+]`), failure: regexp.MustCompile(`no answer within`)},
	{name: "variable of the engine's own", engines: comunica, query: regexp.MustCompile(`\?b\b.*([+/]|!)|([+/]|!).*\?b\b`), failure: regexp.MustCompile(`already been bound`)},
	{name: "variable of the engine's own", engines: comunica, query: regexp.MustCompile(`\?b\b.*([+/]|!)|([+/]|!).*\?b\b`)},
}

// twice is one of the variables of random queries selected two times.
var twice = regexp.MustCompile(`SELECT (\?a \?a|\?b \?b|\?c \?c|\?d \?d|\?e \?e)`)
