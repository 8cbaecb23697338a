package http

import (
	"net/http"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
)

// errAdministrators refuses what concerns the machines.
var errAdministrators = &base.Error{Code: base.Forbidden, Detail: "only administrators may do this: it concerns the cluster's machines"}

// survey answers how all nodes are, asked one by one now. Any node can tell, also
// without a leader.
func (s *Server) survey(w http.ResponseWriter, r *http.Request) error {
	if principalOf(r).Role != command.Admin {
		return errAdministrators
	}
	overview, err := s.cfg.Members.Survey(r.Context())
	if err != nil {
		return err
	}
	say(w, http.StatusOK, JSON.Media, overview)
	return nil
}

// compare answers whether the logs of all nodes say the same; with rebuild=true
// each node makes state and graph again from its own.
func (s *Server) compare(w http.ResponseWriter, r *http.Request) error {
	if principalOf(r).Role != command.Admin {
		return errAdministrators
	}
	rebuild := r.URL.Query().Get("rebuild")
	if rebuild != "" && rebuild != "true" && rebuild != "false" {
		return &base.Error{Code: base.Unparsable, Detail: "rebuild is true or false"}
	}
	// the logs may be long; who asks waits
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	say(w, http.StatusOK, JSON.Media, s.cfg.Members.Compare(r.Context(), rebuild == "true"))
	return nil
}

// handOver lets the leader hand the leadership over, to a node or to any.
func (s *Server) handOver(w http.ResponseWriter, r *http.Request) error {
	if principalOf(r).Role != command.Admin {
		return errAdministrators
	}
	to := r.URL.Query().Get("to")
	if to != "" && !base.IsName(to) {
		return &base.Error{Code: base.Unparsable, Detail: "to is the name of a node"}
	}
	ref := base.Ref("")
	if to != "" {
		ref = base.Ref("/nodes/" + to)
	}
	if err := s.cfg.Members.HandOver(r.Context(), ref); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
