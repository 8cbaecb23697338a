package http

import (
	"context"
	"fmt"
	"net/http"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/state"
)

// state is what a read answers from: the present state, or the first that is as
// far as the request asks.
func (s *Server) state(w http.ResponseWriter, r *http.Request) (*state.State, error) {
	least, err := s.least(r)
	if err != nil {
		return nil, err
	}
	now, err := s.waitFor(r, least)
	if err != nil {
		return nil, err
	}
	w.Header().Set("Picloud-Position", now.Position.String())
	return now, nil
}

// view is the same with the graph, for who reads that.
func (s *Server) view(w http.ResponseWriter, r *http.Request) (projection.View, error) {
	if _, err := s.state(w, r); err != nil {
		return projection.View{}, err
	}
	view := s.views.View()
	w.Header().Set("Picloud-Position", view.Position.String())
	return view, nil
}

// read asks the front door for one resource.
func (s *Server) read(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) (state.Entry, *state.State, error) {
	now, err := s.state(w, r)
	if err != nil {
		return state.Entry{}, nil, err
	}
	if err := s.door.MayRead(principalOf(r), kind, ref); err != nil {
		return state.Entry{}, nil, err
	}
	entry, ok := now.Entry(ref)
	if !ok || entry.Resource.Kind() != kind {
		return state.Entry{}, nil, &base.Error{Code: base.NotFound, Ref: ref, Detail: fmt.Sprintf("there is no %s at %s", kind, ref)}
	}
	return entry, now, nil
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) error {
	entry, now, err := s.read(w, r, kind, ref)
	if err != nil {
		return err
	}
	format, err := chosen(r, resourceFormats)
	if err != nil {
		return err
	}
	s.describedBy(w, schema.Model.Kind(string(kind)))
	head := entry.Resource.Common()
	if format == HTML {
		s.page(w, r, http.StatusOK, "resource", s.resourcePage(principalOf(r), now, entry))
		return nil
	}
	body, err := s.encode(entry.Resource, format)
	if err != nil {
		return err
	}
	s.send(w, r, format, etag(head.Revision, head.Last, format), body)
	return nil
}

// describedBy links a representation to its class and its schema.
func (s *Server) describedBy(w http.ResponseWriter, class *base.Class) {
	w.Header().Add("Link", fmt.Sprintf(`<%s>; rel="describedby", </schemas/%s>; rel="schema"`, class.IRI, class.Word))
}

// chosen is the format of an answer: ?format=, else the Accept header.
func chosen(r *http.Request, offers []Format) (Format, error) {
	if name := r.URL.Query().Get("format"); name != "" {
		if f, ok := formatNamed(name, offers); ok {
			return f, nil
		}
		return Format{}, &base.Error{Code: base.NotAcceptable, Detail: fmt.Sprintf("there is no format %q; choose one of %s", name, formatNames(offers))}
	}
	if f, ok := chooseResource(r.Header["Accept"]); ok {
		return f, nil
	}
	return Format{}, &base.Error{Code: base.NotAcceptable, Detail: "this is served as " + mediaTypes(offers)}
}

// waitFor waits for a position, as long as a read may.
func (s *Server) waitFor(r *http.Request, position base.Position) (*state.State, error) {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.Times.Position)
	defer cancel()
	now, err := s.views.Reach(ctx, position)
	if err != nil {
		return nil, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: fmt.Sprintf("position %d is not here yet; this node stands at %d", position, now.Position)}
	}
	return now, nil
}
