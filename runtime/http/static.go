package http

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/rdf"
)

// document is an answer that never changes while the node runs.
type document struct {
	media string
	body  []byte
	tag   string
}

func newDocument(media string, body []byte) document {
	sum := sha256.Sum256(body)
	return document{media, body, `"` + hex.EncodeToString(sum[:12]) + `"`}
}

// ServeHTTP answers with the document; anybody may read it and keep it.
func (d document) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", d.media)
	header.Set("ETag", d.tag)
	header.Set("Cache-Control", "public, max-age=300")
	header.Set("Access-Control-Allow-Origin", "*")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.body))
}

// rendered is a document that is made when it is asked for: hardly anybody does,
// and all of them together would be a tenth of the memory of a node at rest. It
// stays until the next garbage collection, so that asking often costs little.
type rendered struct {
	render func() (document, error)

	mu   sync.Mutex // one renders, the others wait for it
	kept weak.Pointer[document]
}

func (d *rendered) document() (*document, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if kept := d.kept.Value(); kept != nil {
		return kept, nil
	}
	made, err := d.render()
	if err != nil {
		return nil, err
	}
	d.kept = weak.Make(&made)
	return &made, nil
}

// serve answers with the document.
func (d *rendered) serve(w http.ResponseWriter, r *http.Request) error {
	made, err := d.document()
	if err == nil {
		made.ServeHTTP(w, r)
	}
	return err
}

// mountStatic mounts what everybody may read without a token.
func (s *Server) mountStatic(mux *http.ServeMux) {
	openapi := newDocument(JSON.Media, api.OpenAPI())
	openapi31 := &rendered{render: func() (document, error) { return newDocument(JSON.Media, api.OpenAPI31()), nil }}
	mux.HandleFunc("GET /openapi.json", s.handle(func(w http.ResponseWriter, r *http.Request) error {
		switch version := r.URL.Query().Get("version"); version {
		case "", "3.0", "3.0.3":
			openapi.ServeHTTP(w, r)
			return nil
		case "3.1", "3.1.0":
			return openapi31.serve(w, r)
		default:
			return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is no OpenAPI %s of this document; there are 3.0 and 3.1", version)}
		}
	}))
	for path, source := range map[string][]byte{"/ontology": schema.OntologyTurtle, "/ontology/meta": schema.MetaTurtle, "/ontology/shapes": schema.ShapesTurtle} {
		mux.HandleFunc("GET "+path, s.handle(s.vocabularyHandler(source, path)))
	}
	mux.Handle("GET /context.jsonld", newDocument(JSONLD.Media, schema.ContextJSONLD))
	mux.HandleFunc("GET /schemas/{kind}", s.handle(s.kindSchema))
	mux.HandleFunc("GET /schemas/events/{type}/{version}", s.handle(s.eventSchema))
}

// vocabularyHandler serves a graph of the ontology in every RDF format; on it
// wildcards mean Turtle.
func (s *Server) vocabularyHandler(source []byte, path string) handler {
	turtle := newDocument("text/turtle; charset=utf-8", source)
	documents := map[Format]*rendered{
		Turtle: {render: func() (document, error) { return turtle, nil }},
		HTML: {render: func() (document, error) {
			page, err := s.renderPage(path, "ontology", newOntologyPage(path, string(source)))
			return newDocument("text/html; charset=utf-8", page), err
		}},
	}
	for _, f := range []Format{JSONLD, NTriples} {
		documents[f] = &rendered{render: func() (document, error) {
			body, err := translated(source, f.Media)
			return newDocument(f.Media, body), err
		}}
	}
	offers := []Format{Turtle, JSONLD, NTriples, HTML}
	return func(w http.ResponseWriter, r *http.Request) error {
		format, ok := preferred(r, offers)
		if !ok {
			return &base.Error{Code: base.NotAcceptable, Detail: "the ontology is served as " + mediaTypes(offers)}
		}
		w.Header().Add("Vary", "Accept")
		w.Header().Add("Link", `<https://picloud.local`+path+`>; rel="canonical"`)
		if format == HTML {
			w.Header().Set("Content-Security-Policy", pagePolicy)
		}
		return documents[format].serve(w, r)
	}
}

// translated is a vocabulary in another RDF format.
func translated(source []byte, media string) ([]byte, error) {
	triples, err := rdf.ParseAll(bytes.NewReader(source), rdf.Turtle, rdf.Options{Base: vocabulary})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	syntax, _ := rdf.FormatOf(media)
	err = rdf.Write(&b, syntax, slices.Values(triples), rdf.WriteOptions{Prefixes: prefixes})
	return b.Bytes(), err
}

func (s *Server) kindSchema(w http.ResponseWriter, r *http.Request) error {
	body := schema.KindSchema(r.PathValue("kind"))
	if body == nil {
		return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is no kind %q", r.PathValue("kind"))}
	}
	newDocument("application/schema+json", body).ServeHTTP(w, r)
	return nil
}

func (s *Server) eventSchema(w http.ResponseWriter, r *http.Request) error {
	version, err := strconv.Atoi(strings.TrimPrefix(r.PathValue("version"), "v"))
	body := schema.EventSchema(r.PathValue("type"), version)
	if err != nil || body == nil {
		return &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is no event %s of version %s", r.PathValue("type"), r.PathValue("version"))}
	}
	newDocument("application/schema+json", body).ServeHTTP(w, r)
	return nil
}
