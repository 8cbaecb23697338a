package disk

// Lock is a mutual exclusion that may be held while the disk works. Waiting for
// it is waiting for a channel, which virtual time (testing/synctest) knows for
// waiting; a sync.Mutex held over a slow write would stop its clock for ever.
type Lock chan struct{}

// NewLock is a Lock that nobody holds.
func NewLock() Lock { return make(Lock, 1) }

// Lock waits for its turn.
func (l Lock) Lock() { l <- struct{}{} }

// Unlock lets the next one in.
func (l Lock) Unlock() { <-l }
