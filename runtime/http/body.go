package http

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/rdf"
)

// Bounds of a request's body, in bytes.
const (
	resourceBytes   = 4 << 20
	deploymentBytes = 16 << 20
	queryBytes      = 1 << 20
)

// statements bounds the triples of one body: short ones would otherwise take
// many times the memory of their text.
const statements = 1 << 19

// Types of bodies that describe a resource.
const (
	mediaMergePatch = "application/merge-patch+json"
	mediaQuery      = "application/sparql-query"
	mediaUpdate     = "application/sparql-update"
	mediaForm       = "application/x-www-form-urlencoded"
)

// resourceBodies are the media types that a resource is read from.
var resourceBodies = []string{"application/json", "text/turtle", "application/ld+json", "application/n-triples"}

// readBody reads a body of one of some types up to a bound and tells its type.
func readBody(w http.ResponseWriter, r *http.Request, bound int64, types ...string) ([]byte, string, error) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(types, media) {
		accept := mediaList(types)
		if r.Method == http.MethodPatch {
			w.Header().Set("Accept-Patch", accept)
		} else {
			w.Header().Set("Accept", accept)
		}
		return nil, "", &base.Error{Code: base.MediaType, Detail: fmt.Sprintf("Content-Type %q is not read here; send one of %s", r.Header.Get("Content-Type"), accept)}
	}
	if charset := strings.ToLower(parameters["charset"]); charset != "" && charset != "utf-8" && charset != "us-ascii" {
		return nil, "", &base.Error{Code: base.MediaType, Detail: fmt.Sprintf("charset=%s is not read here; send UTF-8", parameters["charset"])}
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		w.Header().Set("Accept-Encoding", "identity")
		return nil, "", &base.Error{Code: base.MediaType, Detail: fmt.Sprintf("Content-Encoding %q is not read here; send the body as it is", coding)}
	}
	if r.ContentLength > bound {
		return nil, "", tooLarge(bound)
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bound))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, "", tooLarge(bound)
	case err != nil:
		return nil, "", &base.Error{Code: base.Unparsable, Detail: "the body ended early: " + err.Error()}
	}
	return data, media, nil
}

func tooLarge(bound int64) error {
	return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the body is over %s; split it", base.Quantity(bound, base.ByteSyntax))}
}

func mediaList(types []string) string {
	return strings.Join(types, ", ")
}

// readJSON reads a JSON body into the tree that all decoders read from.
func readJSON(data []byte) (*base.Value, error) {
	v, err := base.ReadJSON(data, base.Limits{})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// readResource reads the body about one resource in any format.
func (s *Server) readResource(data []byte, media string, class *base.Class, ref base.Ref) (*base.Value, error) {
	if media == JSON.Media {
		return readJSON(data)
	}
	quads, err := readRDF(data, media, ref.Absolute(s.root))
	if err != nil {
		return nil, err
	}
	v, violations := base.ReadGraph(schema.Model, class, s.root, base.IRI(ref.Absolute(s.root)), quads)
	if len(violations) > 0 {
		return nil, &base.Error{Code: base.Invalid, Ref: ref, Detail: "the body does not describe the resource at its address", Violations: violations}
	}
	return v, nil
}

// readRDF parses a body, relative IRIs against an absolute one.
func readRDF(data []byte, media, iri string) ([]base.Placed, error) {
	format, _ := rdf.FormatOf(media)
	var quads []base.Placed
	bound := statements
	err := rdf.Parse(bytes.NewReader(data), format, rdf.Options{Base: iri, MaxErrors: 100, MaxDepth: 32}, func(st rdf.Statement) error {
		if bound--; bound < 0 {
			return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the body has more than %d statements; split it", statements)}
		}
		quads = append(quads, base.Placed{
			Quad: st.Quad, Subject: place(st.Subject), Predicate: place(st.Predicate), Object: place(st.Object),
		})
		return nil
	})
	if err == nil {
		return quads, nil
	}
	return nil, unreadableRDF(err, format)
}

// unreadableRDF says where a text is not what it should be. It shows nothing of
// the text: that may hold a secret.
func unreadableRDF(err error, format rdf.Format) error {
	var bounded *base.Error
	if errors.As(err, &bounded) {
		return bounded
	}
	failed := &base.Error{Code: base.Unparsable, Detail: "the body is no " + format.String()}
	var list rdf.Errors
	var one *rdf.SyntaxError
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = rdf.Errors{one}
	default:
		failed.Detail += ": " + err.Error()
	}
	for _, e := range list {
		failed.Violations = append(failed.Violations, syntaxViolation(e))
	}
	return failed
}

func syntaxViolation(e *rdf.SyntaxError) base.Violation {
	return base.Violation{ID: "syntax", Message: e.Msg, Line: e.Pos.Line, Column: e.Pos.Col}
}

func place(p rdf.Pos) base.Place { return base.Place{Line: p.Line, Column: p.Col} }
