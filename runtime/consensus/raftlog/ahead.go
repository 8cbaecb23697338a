package raftlog

import "github.com/hashicorp/raft"

// WriteLogs is StoreLogs of one entry or more in two steps, for who has something to do
// while the disk works. When it returns, the entries are written and can be read; they are durable
// when sync, which must be called once, has returned nil. Until then whatever
// changes the log waits, and Settle tells who must not rely on them.
func (s *Store) WriteLogs(logs []*raft.Log) (sync func() error, err error) {
	s.write.Lock()
	last, err := s.writeLast(logs)
	if err != nil {
		s.write.Unlock()
		return nil, err
	}
	u := &unsettled{first: last.logs[0].Index, done: make(chan struct{})}
	s.publish(last, u)
	return func() error {
		defer s.write.Unlock()
		defer close(u.done)
		if u.err = s.sync(last.segment); u.err == nil {
			s.settled()
		}
		return u.err
	}, nil
}

// unsettled are the entries from first on while they are written and not durable;
// for ever, if the sync failed.
type unsettled struct {
	first uint64
	done  chan struct{} // closed after the sync
	err   error         // its error
}

// Settle waits until the entry at index is durable, if it is in the log, and tells
// why it cannot be.
func (s *Store) Settle(index uint64) error {
	s.mu.RLock()
	u := s.unsettled
	s.mu.RUnlock()
	if u == nil || index < u.first {
		return nil
	}
	<-u.done
	return u.err
}

// Settled is index, or the last one before it whose entry is durable.
func (s *Store) Settled(index uint64) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.unsettled == nil {
		return index
	}
	return min(index, s.unsettled.first-1)
}

func (s *Store) settled() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsettled = nil
}
