package rdf

import "strings"

// Format is a concrete syntax of RDF.
type Format uint8

// The formats. RDFXML can be read only.
const (
	Turtle Format = iota + 1
	TriG
	NTriples
	NQuads
	JSONLD
	RDFXML
)

var formats = [...]struct {
	format           Format
	name, media, ext string
}{
	{Turtle, "Turtle", "text/turtle", "ttl"},
	{TriG, "TriG", "application/trig", "trig"},
	{NTriples, "N-Triples", "application/n-triples", "nt"},
	{NQuads, "N-Quads", "application/n-quads", "nq"},
	{JSONLD, "JSON-LD", "application/ld+json", "jsonld"},
	{RDFXML, "RDF/XML", "application/rdf+xml", "rdf"},
}

func (f Format) String() string {
	if f == 0 || int(f) > len(formats) {
		return "no RDF format"
	}
	return formats[f-1].name
}

// MediaType is the registered media type, without parameters.
func (f Format) MediaType() string { return formats[f-1].media }

// Extension is the usual file extension, without the dot.
func (f Format) Extension() string { return formats[f-1].ext }

// FormatOf finds the format of a media type (parameters are ignored) or of a
// file extension without its dot.
func FormatOf(mediaTypeOrExtension string) (Format, bool) {
	word, _, _ := strings.Cut(strings.ToLower(mediaTypeOrExtension), ";")
	word = strings.TrimSpace(word)
	for _, f := range formats {
		if word == f.media || word == f.ext {
			return f.format, true
		}
	}
	return 0, false
}
