package http

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picloud/picloud/gen/base"
)

// route answers what no route matches with a problem, and OPTIONS with what
// there is.
func (s *Server) route(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		allowed := allowed(mux, r)
		switch {
		case len(allowed) == 0:
			s.fail(w, r, &base.Error{Code: base.NotFound, Detail: fmt.Sprintf("there is nothing at %s", r.URL.Path)})
		case r.Method == http.MethodOptions:
			s.options(w, r, allowed)
		default:
			detail := fmt.Sprintf("%s is not possible here; possible are %s", r.Method, strings.Join(allowed, ", "))
			if isGraphPath(r.URL.Path) && writes(r.Method) && !isStorePath(r.URL.Path) {
				detail = errNoUpdate.Detail
			}
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			s.fail(w, r, &base.Error{Code: base.Method, Detail: detail})
		}
	})
}

// options tells what can be asked of an address, and which bodies are read.
func (s *Server) options(w http.ResponseWriter, r *http.Request, allowed []string) {
	header := w.Header()
	header.Set("Allow", strings.Join(allowed, ", "))
	for _, method := range allowed {
		switch method {
		case http.MethodPatch:
			header.Set("Accept-Patch", acceptPatch(r.URL.Path))
		case http.MethodPut:
			header.Set("Accept", mediaList(acceptPut(r.URL.Path)))
		case http.MethodPost:
			header.Set("Accept-Post", acceptPost(r.URL.Path))
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// acceptPost lists what a POST to a path takes.
func acceptPost(path string) string {
	switch {
	case path == "/apply":
		return mediaList(resourceBodies)
	case isStorePath(path) && strings.HasSuffix(path, "/sparql"):
		return mediaList([]string{mediaQuery, mediaUpdate, mediaForm})
	case isStorePath(path):
		return mediaList(acceptPut(path))
	case strings.HasSuffix(path, "/sparql"):
		return mediaList([]string{mediaQuery, mediaForm})
	}
	return JSON.Media
}

// acceptPut lists what a PUT to a path takes.
func acceptPut(path string) []string {
	switch {
	case isStorePath(path) && strings.HasSuffix(path, "/graph"):
		return slices.Concat(graphBodies, datasetBodies)
	case isStorePath(path):
		return graphBodies
	}
	return resourceBodies
}

// acceptPatch is what a PATCH of a path takes.
func acceptPatch(path string) string {
	if isStorePath(path) {
		return mediaUpdate
	}
	return mediaMergePatch
}

// allowed lists the methods that a path has.
func allowed(mux *http.ServeMux, r *http.Request) (methods []string) {
	probe := r.Clone(r.Context())
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodPost} {
		probe.Method = method
		if _, pattern := mux.Handler(probe); pattern != "" {
			methods = append(methods, method)
		}
	}
	if len(methods) > 0 {
		methods = append(methods, http.MethodOptions)
	}
	return methods
}

// canonical sends a request whose path is spelt in another way than the IRI
// of its resource to the one spelling: no trailing slash, no escape of an
// unreserved character (RFC 3986, section 6.2.2). What can be no address is
// refused before anything looks at it.
func (s *Server) canonical(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/") { // CONNECT and OPTIONS *
			next.ServeHTTP(w, r)
			return
		}
		want, err := canonicalPath(r.URL.EscapedPath())
		if err == nil {
			if _, bad := url.ParseQuery(r.URL.RawQuery); bad != nil {
				err = &base.Error{Code: base.Unparsable, Detail: "the query string has a bad escape"}
			}
		}
		switch {
		case err != nil:
			s.fail(w, r, err)
		case want != r.URL.EscapedPath():
			if r.URL.RawQuery != "" {
				want += "?" + r.URL.RawQuery
			}
			w.Header().Set("Location", want)
			w.WriteHeader(http.StatusPermanentRedirect)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// canonicalPath is the one spelling of a path. It begins with exactly one
// slash, so that it can be taken for no address of another host.
func canonicalPath(escaped string) (string, error) {
	path := ""
	for raw := range strings.SplitSeq(escaped, "/") {
		if raw == "" {
			continue
		}
		step, err := url.PathUnescape(raw)
		if err != nil || !utf8.ValidString(step) || step == "." || step == ".." || strings.ContainsFunc(step, neverInName) {
			return "", &base.Error{Code: base.Invalid, Detail: "the address names no resource", Violations: []base.Violation{{
				ID: "address", Rule: base.Ontology + "name", Expected: "a lower-case name that DNS can carry",
				Message: fmt.Sprintf("%q cannot be part of an address: it holds a slash, a dot segment, a control character or no UTF-8", step),
			}}}
		}
		path += "/" + strings.TrimPrefix((&url.URL{Path: "/" + step}).EscapedPath(), "/")
	}
	if path == "" {
		return "/", nil
	}
	return path, nil
}

func neverInName(r rune) bool { return r == '/' || r == '\\' || unicode.IsControl(r) }
