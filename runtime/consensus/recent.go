package consensus

import (
	"sync"

	"github.com/hashicorp/raft"
)

const (
	recentLogs  = 2         // entries that are kept: what is sent, and what comes before it
	recentBytes = 512 << 10 // what is longer is read back from the disk
)

// recent are the newest entries of Raft's log. A leader reads each entry back for each
// follower, and the one before it, and even at rest the last one twice a second.
type recent struct {
	mu   sync.Mutex
	logs [recentLogs]raft.Log // by index
}

// keep takes entries that have been stored.
func (r *recent) keep(logs []*raft.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range logs[max(0, len(logs)-recentLogs):] {
		at := &r.logs[l.Index%recentLogs]
		*at = raft.Log{}
		if len(l.Data)+len(l.Extensions) <= recentBytes {
			*at = *l
		}
	}
}

// get gives the entry at index, if it is kept.
func (r *recent) get(index uint64, to *raft.Log) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := &r.logs[index%recentLogs]
	if at.Index != index || index == 0 {
		return false
	}
	*to = *at
	return true
}

// forget drops all.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.logs = [recentLogs]raft.Log{}
}
