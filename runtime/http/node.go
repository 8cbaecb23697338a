package http

import (
	"encoding/hex"
	"net/http"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/projection"
)

// readiness is what a node can do now.
type readiness struct {
	Reads    bool          `json:"reads"`
	Writes   bool          `json:"writes"`
	Reason   string        `json:"reason,omitempty"` // why not
	Position base.Position `json:"position"`
}

func (s *Server) ready() readiness {
	now := s.views.State()
	r := readiness{Reads: now.Get("/") != nil, Writes: true, Position: now.Position}
	if !r.Reads {
		r.Writes, r.Reason = false, "the cluster is not founded yet"
	} else if !s.leaderSeen() {
		r.Writes, r.Reason = false, "no leader is in sight; writes need a majority of the voters"
	} else if s.cfg.Writable != nil {
		if err := s.cfg.Writable(); err != nil {
			r.Writes, r.Reason = false, err.Error()
		}
	}
	return r
}

// scrape answers with the node's metrics, to whoever is known.
func (s *Server) scrape(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// digests are the sums of one history in hexadecimal.
type digests struct {
	Chain    string `json:"chain"`
	State    string `json:"state"`
	Graph    string `json:"graph"`
	Datasets string `json:"datasets"`
}

func digestsOf(sums projection.Sums) digests {
	return digests{
		hex.EncodeToString(sums.Chain[:]), hex.EncodeToString(sums.State[:]), hex.EncodeToString(sums.Graph[:]), hex.EncodeToString(sums.Datasets[:]),
	}
}

// verify makes state, graph and datasets again from the log and compares.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) error {
	if principalOf(r).Role != command.Admin {
		return &base.Error{Code: base.Forbidden, Detail: "only administrators may do this: it reads the whole log"}
	}
	// the log may be long; who asks waits
	if err := http.NewResponseController(w).SetWriteDeadline(time.Time{}); err != nil {
		return err
	}
	live, rebuilt, err := s.views.Verify(s.events)
	if err != nil {
		return err
	}
	say(w, http.StatusOK, JSON.Media, map[string]any{
		"position": live.Position, "equal": live == rebuilt, "live": digestsOf(live), "rebuilt": digestsOf(rebuilt),
	})
	return nil
}

// healthz says that the process answers, and nothing else.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) error {
	say(w, http.StatusOK, JSON.Media, map[string]any{"alive": true})
	return nil
}

// readyz says whether the node can do its work now: reads need a view that
// follows the log, writes need a leader and room on the disk.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	readiness := s.ready()
	status := http.StatusOK
	if !readiness.Reads {
		status = http.StatusServiceUnavailable
	}
	say(w, status, JSON.Media, readiness)
	return nil
}
