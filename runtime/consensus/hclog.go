package consensus

import (
	"context"
	"io"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLogger sends what Raft says to log. Raft's "info" is about its inner life
// and becomes debug. To a node that is alone its elections are routine too.
func raftLogger(log *slog.Logger, alone bool) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Info, Output: io.Discard})
	l.RegisterSink(sink{log.With("part", "raft"), alone})
	return l
}

type sink struct {
	log   *slog.Logger
	alone bool // the only voter: it elects itself at every start
}

// electing is what Raft warns of before each election.
const electing = "heartbeat timeout reached, starting election"

func (s sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	to := slog.LevelDebug
	switch {
	case level >= hclog.Error:
		to = slog.LevelError
	case level == hclog.Warn && !(s.alone && msg == electing):
		to = slog.LevelWarn
	}
	s.log.Log(context.Background(), to, msg, args...)
}
