package http

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/quads"
	"github.com/picloud/picloud/runtime/rdf"
)

// encode writes a resource in a format other than HTML.
func (s *Server) encode(r domain.Resource, format Format) ([]byte, error) {
	if format == JSON {
		e := base.Encoder{Root: s.root}
		codec.AppendResource(&e, r)
		return append(e.Buffer, '\n'), nil
	}
	w := base.QuadWriter{Root: s.root}
	quads.Append(&w, r)
	return s.serialise(w.Quads, format, r.Common().Ref.Absolute(s.root))
}

// serialise writes the triples of one document, in their order.
func (s *Server) serialise(of []base.Quad, format Format, iri string) ([]byte, error) {
	syntax, _ := rdf.FormatOf(format.Media)
	triples := make([]base.Quad, len(of))
	for i, q := range of {
		q.G = base.Term{}
		triples[i] = q
	}
	var b bytes.Buffer
	err := rdf.Write(&b, syntax, slices.Values(triples), rdf.WriteOptions{Base: iri, Prefixes: prefixes, Context: s.context})
	return b.Bytes(), err
}

// prefixes are the names that Turtle and JSON-LD may shorten IRIs with.
var prefixes = []rdf.Prefix{
	{Name: "pc", IRI: base.Ontology}, {Name: "pm", IRI: base.Meta}, {Name: "rdf", IRI: base.RDF},
	{Name: "rdfs", IRI: base.RDFS}, {Name: "xsd", IRI: base.XSD}, {Name: "sh", IRI: "http://www.w3.org/ns/shacl#"},
	{Name: "ldp", IRI: ldp},
}

// etag is the version of one representation: what is declared (revision), what
// was last observed, and the format.
func etag(revision, last base.Position, format Format) string {
	return fmt.Sprintf(`"%d.%d.%s"`, revision, last, format.Name)
}

// noneMatch reports whether If-None-Match allows an answer: the header names
// whole tags (RFC 9110, section 13.1.2).
func noneMatch(r *http.Request, tag string) bool {
	header := r.Header.Get("If-None-Match")
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return false
		}
	}
	return true
}

// ifMatch reads the revisions that If-Match names: of a tag only the revision
// counts, so that a write conflicts with other declarations and never with
// observations. any is set for "*".
func ifMatch(r *http.Request) (revisions []base.Position, any bool, err error) {
	header := r.Header.Get("If-Match")
	if header == "" {
		return nil, false, nil
	}
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" {
			return nil, true, nil
		}
		bare, _, _ := strings.Cut(strings.Trim(candidate, `"`), ".")
		revision, err := strconv.ParseUint(bare, 10, 64)
		if err != nil {
			return nil, false, &base.Error{Code: base.Unparsable, Detail: fmt.Sprintf(`If-Match: %s is no entity tag of this resource; send the ETag of a GET, or "184" for revision 184`, candidate)}
		}
		revisions = append(revisions, base.Position(revision))
	}
	return revisions, false, nil
}

// send answers with a representation, or with 304 where the client has it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, format Format, tag string, body []byte) {
	header := w.Header()
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, no-cache")
	header.Add("Vary", "Accept")
	if !noneMatch(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	media := format.Media
	if format == Turtle {
		media += "; charset=utf-8"
	}
	header.Set("Content-Type", media)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
