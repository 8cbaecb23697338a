package http

import (
	"net/http"
	"strings"
)

// crossOrigin lets scripts of other origins ask the graph, if they have a token
// of their own (Fetch, section 3.2): never with what the browser itself keeps for
// us. "*" forbids that, and Access-Control-Allow-Credentials is never set. All
// other addresses stay closed to other origins.
//
// A preflight request cannot carry a token, so it is answered before anybody is
// asked who they are, by the form of the path alone: it tells nothing of what
// there is.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	const (
		methods = "GET, HEAD, POST, PUT, PATCH, DELETE"
		headers = "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Picloud-Min-Position"
		exposed = "ETag, Location, Picloud-Position, Picloud-Replayed, Picloud-Request, Retry-After"
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") == "" || !isGraphPath(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Access-Control-Allow-Origin", "*")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			header.Set("Access-Control-Allow-Methods", methods)
			header.Set("Access-Control-Allow-Headers", headers)
			header.Set("Access-Control-Max-Age", "600")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		header.Set("Access-Control-Expose-Headers", exposed)
		next.ServeHTTP(w, r)
	})
}

// isGraphPath reports the form of a path of an endpoint or of a graph: of the
// cluster, of a product, or of a resource that holds a dataset. A path may be
// empty (CONNECT).
func isGraphPath(path string) bool {
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case len(steps) >= 5 && steps[0] == "products":
		return isStorePath(path)
	case len(steps) >= 3 && steps[0] == "products":
		return steps[2] == "sparql" || steps[2] == "graph"
	}
	return steps[0] == "sparql" || steps[0] == "graph"
}

// isStorePath reports the form of a path below a resource that holds a dataset.
func isStorePath(path string) bool {
	steps := strings.Split(path, "/")
	return len(steps) >= 6 && steps[1] == "products" && (steps[5] == "graph" || steps[5] == "sparql" && len(steps) == 6)
}
