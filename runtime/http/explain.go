package http

import (
	"net/http"

	"github.com/picloud/picloud/runtime/sparql"
)

// explain runs a query to its end and answers with how that went, instead of
// with what it found (?explain=true): as JSON for programs, as text for people.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, q *sparql.Query, d sparql.Dataset, limits sparql.Limits) error {
	explanation, err := sparql.Explain(r.Context(), q, d, limits)
	if err != nil {
		return err
	}
	text := Format{"text", "text/plain"}
	offers := []Format{text, JSON, {"json", "application/sparql-results+json"}}
	format, ok := choose(r.Header["Accept"], offers)
	if named, known := formatNamed(r.URL.Query().Get("format"), offers); known {
		format, ok = named, true
	}
	if ok && format.Name == JSON.Name {
		say(w, http.StatusOK, JSON.Media, explanation)
		return nil
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(explanation.String())) // a client that left is no error of ours
	return nil
}
