package http

import (
	"context"
	"net/http"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
)

type principalKey struct{}

// principalOf is who sends a request. Who was let in without a token is the
// zero principal, who may do nothing.
func principalOf(r *http.Request) command.Principal {
	p, _ := r.Context().Value(principalKey{}).(command.Principal)
	return p
}

// admit lets in who proves who they are, and everybody to what is public. All
// other addresses look alike to a stranger, whether there is something or not.
func (s *Server) admit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		principal, err := s.authenticate(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, principal)))
	})
}

// enrollPath is where machines ask to be let into the cluster.
const enrollPath = "/-/enroll"

// public reports the paths that need no token: what says how to talk to the
// cluster, and whether it is alive.
func public(path string) bool {
	switch path {
	case "/healthz", "/readyz", "/openapi.json", "/context.jsonld", "/ontology", enrollPath:
		return true
	}
	return strings.HasPrefix(path, "/ontology/") || strings.HasPrefix(path, "/schemas/")
}

// authenticate finds who sends a request.
func (s *Server) authenticate(r *http.Request) (command.Principal, error) {
	token, err := tokenOf(r)
	if err != nil {
		return command.Principal{}, err
	}
	return s.door.Authenticate(token)
}

// tokenOf is what a request shows to prove who sends it. A token in the query
// string would end up in logs, so only the header counts.
func tokenOf(r *http.Request) (string, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
	case strings.EqualFold(scheme, "Basic") && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		// A browser can send a token only as a password. It sends it by itself
		// ever after, also for pages of others, so it opens reading alone.
		_, token, _ = r.BasicAuth()
	case strings.EqualFold(scheme, "Basic"):
		return "", &base.Error{Code: base.Unauthenticated, Detail: `a password opens reading only; to write, send the token as "Authorization: Bearer …"`}
	default:
		token = ""
	}
	return strings.TrimSpace(token), nil
}
