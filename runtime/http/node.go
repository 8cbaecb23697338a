package http

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/projection"
)

var noTime time.Time

// readiness is what a node can do now.
type readiness struct {
	Reads    bool          `json:"reads"`
	Writes   bool          `json:"writes"`
	Reason   string        `json:"reason,omitempty"` // why not
	Position base.Position `json:"position"`
}

func (s *Server) ready() readiness {
	view := s.views.View()
	r := readiness{Reads: view.State.Get("/") != nil, Writes: true, Position: view.Position}
	if !r.Reads {
		r.Writes, r.Reason = false, "the cluster is not founded yet"
	} else if s.cfg.Writable != nil {
		if err := s.cfg.Writable(); err != nil {
			r.Writes, r.Reason = false, err.Error()
		}
	}
	return r
}

// onlyAdmin answers who is no administrator.
func (s *Server) onlyAdmin(w http.ResponseWriter, r *http.Request) bool {
	principal, err := s.principal(r)
	if err == nil && principal.Role != command.Admin {
		err = &base.Error{Code: base.Forbidden, Detail: "only administrators may see this"}
	}
	if err != nil {
		s.fail(w, r, err)
	}
	return err == nil
}

// scrape answers with the node's metrics.
func (s *Server) scrape(w http.ResponseWriter, r *http.Request) {
	if _, err := s.principal(r); err != nil {
		s.fail(w, r, err)
		return
	}
	s.metrics.handler.ServeHTTP(w, r)
}

// digests are the sums of one history in hexadecimal.
type digests struct {
	Chain string `json:"chain"`
	State string `json:"state"`
	Graph string `json:"graph"`
}

func digestsOf(sums projection.Sums) digests {
	return digests{hex.EncodeToString(sums.Chain[:]), hex.EncodeToString(sums.State[:]), hex.EncodeToString(sums.Graph[:])}
}

// verify makes state and graph again from the log and compares.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	if !s.onlyAdmin(w, r) {
		return
	}
	live, rebuilt, err := s.views.Verify(s.events)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.status(w, http.StatusOK, map[string]any{
		"position": live.Position, "equal": live == rebuilt, "live": digestsOf(live), "rebuilt": digestsOf(rebuilt),
	})
}
