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
	"time"

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

// mountStatic mounts what everybody may read without a token.
func (s *Server) mountStatic(mux *http.ServeMux) error {
	openapi, openapi31 := newDocument(JSON.Media, api.OpenAPI()), newDocument(JSON.Media, api.OpenAPI31())
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		switch version := r.URL.Query().Get("version"); version {
		case "", "3.0", "3.0.3":
			openapi.ServeHTTP(w, r)
		case "3.1", "3.1.0":
			openapi31.ServeHTTP(w, r)
		default:
			s.fail(w, r, &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is no OpenAPI %s of this document; there are 3.0 and 3.1", version)})
		}
	})
	for path, source := range map[string][]byte{"/ontology": schema.OntologyTurtle, "/ontology/meta": schema.MetaTurtle, "/ontology/shapes": schema.ShapesTurtle} {
		handler, err := s.vocabularyHandler(source, path)
		if err != nil {
			return err
		}
		mux.HandleFunc("GET "+path, s.handle(handler))
	}
	mux.Handle("GET /context.jsonld", newDocument(JSONLD.Media, schema.ContextJSONLD))
	mux.HandleFunc("GET /schemas/{kind}", s.handle(s.kindSchema))
	mux.HandleFunc("GET /schemas/events/{type}/{version}", s.handle(s.eventSchema))
	return nil
}

// vocabularyHandler serves a graph of the ontology in every RDF format; on it
// wildcards mean Turtle.
func (s *Server) vocabularyHandler(source []byte, path string) (handler, error) {
	triples, err := rdf.ParseAll(bytes.NewReader(source), rdf.Turtle, rdf.Options{Base: vocabulary})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	documents := map[Format]document{Turtle: newDocument("text/turtle; charset=utf-8", source)}
	for _, f := range []Format{JSONLD, NTriples} {
		var b bytes.Buffer
		syntaxOf, _ := rdf.FormatOf(f.Media)
		if err := rdf.Write(&b, syntaxOf, slices.Values(triples), rdf.WriteOptions{Prefixes: prefixes}); err != nil {
			return nil, err
		}
		documents[f] = newDocument(f.Media, b.Bytes())
	}
	page, err := s.renderPage(path, "ontology", newOntologyPage(path, string(source)))
	if err != nil {
		return nil, err
	}
	documents[HTML] = newDocument("text/html; charset=utf-8", page)
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
		documents[format].ServeHTTP(w, r)
		return nil
	}, nil
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
