package http

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/rdf"
)

// graphBytes bounds a body of RDF, uncompressed. What it changes must fit into
// one event (domain.DatasetChangeMax, compressed), so more is of no use.
const graphBytes = 32 << 20

// graphParts bounds the documents of one multipart body.
const graphParts = 100

const mediaMultipart = "multipart/form-data"

// Types of bodies that graphs and datasets are read from.
var (
	graphBodies   = []string{"text/turtle", "application/n-triples", "application/ld+json", "application/rdf+xml", mediaMultipart}
	datasetBodies = []string{NQuads.Media, TriG.Media}
)

// graphBody is a body of RDF: one document, or several.
type graphBody struct {
	data    []byte
	parts   []graphPart
	dataset bool // it names graphs itself
}

type graphPart struct {
	data   []byte
	format rdf.Format
}

// readGraphBody reads the body of a PUT or POST. A body that names graphs itself
// is taken only where the request names none.
func readGraphBody(w http.ResponseWriter, r *http.Request, whole bool) (body graphBody, err error) {
	types := graphBodies
	if whole {
		types = slices.Concat(graphBodies, datasetBodies)
	}
	sent := r.Body
	if err := gunzip(w, r); err != nil {
		return body, err
	}
	data, media, err := readBody(w, r, graphBytes, types...)
	if err != nil {
		if sent != r.Body {
			// A client that still sends may see its stream closed before it has read
			// why; the rest is bounded as the whole is.
			_, _ = io.Copy(io.Discard, http.MaxBytesReader(w, sent, graphBytes))
		}
		return body, err
	}
	body.data, body.dataset = data, slices.Contains(datasetBodies, media)
	if media == mediaMultipart {
		body.parts, err = readParts(data, r.Header.Get("Content-Type"))
		return body, err
	}
	format, _ := rdf.FormatOf(media)
	body.parts = []graphPart{{data, format}}
	return body, nil
}

// gunzip takes a compressed body for what it becomes, which the bound of the
// body then holds of.
func gunzip(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		return nil
	}
	compressed, err := gzip.NewReader(http.MaxBytesReader(w, r.Body, graphBytes))
	if err != nil {
		return &base.Error{Code: base.Unparsable, Detail: "the body is not compressed by gzip, as Content-Encoding says: " + err.Error()}
	}
	r.Body, r.ContentLength = io.NopCloser(compressed), -1
	r.Header.Del("Content-Encoding")
	return nil
}

// readParts reads the documents of a form: each says its type, or has it in the
// name of its file.
func readParts(data []byte, contentType string) (parts []graphPart, err error) {
	unreadable := func(err error) error {
		return &base.Error{Code: base.Unparsable, Detail: "the body is no " + mediaMultipart + ": " + err.Error()}
	}
	_, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, unreadable(err)
	}
	form := multipart.NewReader(bytes.NewReader(data), parameters["boundary"])
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return nil, unreadable(err)
		}
		if len(parts) == graphParts {
			return nil, &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the body has more than %d documents; split it", graphParts)}
		}
		format, ok := rdf.FormatOf(part.Header.Get("Content-Type"))
		if !ok {
			format, ok = rdf.FormatOf(strings.TrimPrefix(path.Ext(part.FileName()), "."))
		}
		if !ok || !slices.Contains(graphBodies, format.MediaType()) {
			return nil, &base.Error{Code: base.MediaType, Detail: fmt.Sprintf("document %q is of no type that is read here; give each a Content-Type: %s", part.FormName(), mediaList(graphBodies[:4]))}
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, unreadable(err)
		}
		parts = append(parts, graphPart{text, format})
	}
}

// quads parses the documents. Their blank nodes become new ones, each document's
// its own: labels are random, so that no other node has one. A target that is a
// graph takes all of them.
func (b graphBody) quads(iri string, into target) (quads []base.Quad, err error) {
	long := 0 // bytes of names and values: short names with a long prefix take many times the memory of their text
	for _, part := range b.parts {
		var label [12]byte
		rand.Read(label[:])
		options := rdf.Options{Base: iri, BlankPrefix: "g" + hex.EncodeToString(label[:]) + "x", MaxErrors: 100, MaxBytes: graphBytes}
		err := rdf.Parse(bytes.NewReader(part.data), part.format, options, func(st rdf.Statement) error {
			if len(quads) == dataset.QuadsMax {
				return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the body has more than %d quads; split it", dataset.QuadsMax)}
			}
			if !into.whole {
				st.Quad.G = into.graph
			}
			if long += len(st.Quad.S.Value) + len(st.Quad.P.Value) + len(st.Quad.O.Value); long > dataset.TextMax {
				return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the body has more than %d MiB of quads when each name is written out; split it", dataset.TextMax>>20)}
			}
			quads = append(quads, st.Quad)
			return nil
		})
		if err != nil {
			return nil, part.unreadable(err)
		}
	}
	return quads, nil
}

// unreadable says where a document is not what it should be, and shows the line
// of the first place with a caret under it: graphs hold no secrets.
func (p graphPart) unreadable(err error) error {
	failed := unreadableRDF(err, p.format)
	var e *base.Error
	if errors.As(failed, &e) && len(e.Violations) > 0 {
		first := e.Violations[0]
		e.Detail += ": " + first.Message + "\n" + excerpt(p.data, first.Line, first.Column)
	}
	return failed
}

// excerptRunes is how much of a line is shown on each side of a place.
const excerptRunes = 60

// excerpt is the line of a place with a caret under it.
func excerpt(data []byte, line, column int) string {
	for range line - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	text, _, _ := bytes.Cut(data, []byte("\n"))
	runes := []rune(strings.ToValidUTF8(strings.TrimRight(strings.ReplaceAll(string(text[:min(len(text), 64<<10)]), "\t", " "), "\r"), "\uFFFD"))
	at := min(max(column-1, 0), len(runes))
	from, to := max(0, at-excerptRunes), min(len(runes), at+excerptRunes)
	return string(runes[from:to]) + "\n" + strings.Repeat(" ", at-from) + "^"
}
