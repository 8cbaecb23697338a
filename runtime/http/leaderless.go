package http

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/membership"
)

const (
	// electionTime is until a cluster that lost its leader has another one, at the
	// longest: who is without for longer has no majority, and need not wait.
	electionTime = 3 * time.Second
	leaderLeast  = time.Second            // that a leader is waited for, as it may be back at any moment
	missingTime  = 700 * time.Millisecond // for finding out who is silent
	missingLife  = time.Second            // of what was found
)

// patience is until when a leader is waited for by who began to.
func (s *Server) patience(began time.Time) time.Time {
	_, heard := s.cfg.Consensus.LeaderContact()
	if heard.Before(s.began) {
		heard = s.began
	}
	wait := heard.Add(electionTime).Sub(began)
	return began.Add(min(max(wait, leaderLeast), leaderTime))
}

// missing finds out who is not there when nobody leads, for all who ask at the
// same time.
type missing struct {
	mu    sync.Mutex
	at    time.Time
	words string
}

// noLeader says that nothing can be decided, and who is missing.
func (s *Server) noLeader(so string) error {
	return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "no leader can be reached; " + so + ". " + s.whoIsMissing()}
}

func (s *Server) whoIsMissing() string {
	m := &s.missing
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.words != "" && time.Since(m.at) < missingLife {
		return m.words
	}
	m.words = majority
	if s.cfg.Members != nil {
		ctx, cancel := context.WithTimeout(s.streams, missingTime)
		defer cancel()
		if found, err := s.cfg.Members.Survey(ctx); err == nil {
			m.words = absence(found)
		}
	}
	m.at = time.Now()
	return m.words
}

const majority = "Writes and linearizable reads need a majority of the voters"

// absence says which voters are silent.
func absence(found membership.Overview) string {
	var silent []string
	for _, node := range found.Nodes {
		if node.Role == domain.RaftRoleVoter && !node.Answers {
			silent = append(silent, node.Name)
		}
	}
	words := fmt.Sprintf("%s, %d of %d; as seen from %s %d answer", majority, found.Quorum, found.Voters, found.Asked, found.InReach)
	if len(silent) > 0 {
		words += "; not heard: " + strings.Join(silent, ", ")
	}
	if found.InReach >= found.Quorum {
		words += ", so a leader will be elected in a moment"
	}
	return words
}
