package http

import (
	"net/http"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/api"
	"github.com/picloud/picloud/generated/domain"
)

// What the routes of all kinds lead to.
var _ api.Server = (*Server)(nil)

// List answers GET of a collection: a page of its members in the order of
// their names.
func (s *Server) List(w http.ResponseWriter, r *http.Request, kind domain.Kind, collection base.Ref) {
	s.answerFor(w, r, s.list(w, r, kind, collection))
}

// Get answers GET and HEAD of a resource.
func (s *Server) Get(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	s.answerFor(w, r, s.get(w, r, kind, ref))
}

// Put answers PUT: the resource becomes as described.
func (s *Server) Put(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	s.answerFor(w, r, s.put(w, r, kind, ref))
}

// Patch answers PATCH: a JSON merge patch (RFC 7396) of what is declared.
func (s *Server) Patch(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	s.answerFor(w, r, s.patch(w, r, kind, ref))
}

// Delete answers DELETE.
func (s *Server) Delete(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) {
	s.answerFor(w, r, s.delete(w, r, kind, ref))
}

// Operate answers POST of an operation.
func (s *Server) Operate(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref, operation string) {
	s.answerFor(w, r, s.operate(w, r, kind, ref, operation))
}
