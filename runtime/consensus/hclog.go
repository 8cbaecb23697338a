package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// raftLogger sends what Raft says to log. Raft's "info" is about its inner life
// and becomes debug.
func raftLogger(log *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(&sink{log: log.With("part", "raft")})
	return l
}

// sink passes Raft's words on. What it says again and again, about a peer that is
// away say, is passed on once in repeatAfter and goes to debug in between.
type sink struct {
	log  *slog.Logger
	mu   sync.Mutex
	said map[string]time.Time
}

const (
	repeatAfter = time.Minute
	saidMost    = 256 // messages remembered
)

// Accept is hclog's.
func (s *sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		to = slog.LevelError
	case level == hclog.Warn:
		to = slog.LevelWarn
	}
	if to > slog.LevelDebug && (expected(msg, args) || s.again(msg, args)) {
		to = slog.LevelDebug
	}
	s.log.Log(context.Background(), to, msg, args...)
}

// expected tells what Raft warns of and what is no fault: that a follower lacks
// entries, which the leader then sends, that a stream ended, and that a learner, which
// stands for no election, does not.
func expected(msg string, args []any) bool {
	switch msg {
	case "failed to get previous log", "appendEntries rejected, sending older logs", "not part of stable configuration, aborting election",
		"heartbeat timeout reached, not part of a stable configuration or a non-voter, not triggering a leader election":
		return true
	case "failed to decode incoming command":
		return slices.ContainsFunc(args, func(arg any) bool {
			err, is := arg.(error)
			return is && (broken(err) || errors.Is(err, raft.ErrTransportShutdown))
		})
	}
	return false
}

// again tells whether the message was said lately about the same peer, which is
// what its first argument names, if that is not the error.
func (s *sink) again(msg string, args []any) bool {
	if len(args) > 1 && args[0] != "error" {
		msg = fmt.Sprint(msg, args[1])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if at, known := s.said[msg]; known && now.Sub(at) < repeatAfter {
		return true
	}
	if s.said == nil || len(s.said) >= saidMost {
		s.said = map[string]time.Time{}
	}
	s.said[msg] = now
	return false
}
