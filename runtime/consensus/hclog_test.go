package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatRaftRepeatsAboutAPeerIsLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := raftLogger(slog.New(slog.NewTextHandler(&out, nil)))
		said := func(what string, times int) {
			t.Helper()
			if got := strings.Count(out.String(), what); got != times {
				t.Errorf("%q is logged %d times, not %d", what, got, times)
			}
		}
		for range 100 {
			log.Error("failed to heartbeat to", "peer", "n2", "error", errors.New("refused"))
			log.Error("failed to heartbeat to", "peer", "n3", "error", errors.New("refused"))
			log.Info("entering follower state")
		}
		said("peer=n2", 1)
		said("peer=n3", 1)
		said("entering", 0)
		<-time.After(repeatAfter)
		log.Error("failed to heartbeat to", "peer", "n2", "error", errors.New("refused"))
		said("peer=n2", 2)
		for range 100 {
			log.Error("failed to decode incoming command", "error", errors.New("bad form "+time.Now().String()))
			log.Error("failed to decode incoming command", "error", fmt.Errorf("read: %w", net.ErrClosed)) // a stream that ended
			log.Warn("failed to get previous log", "previous-index", 14, "error", errors.New("log not found"))
			log.Warn("not part of stable configuration, aborting election") // a learner
			<-time.After(time.Millisecond)
		}
		said("failed to decode", 1)
		said("previous log", 0)
		said("aborting election", 0)
	})
}
