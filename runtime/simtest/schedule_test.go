package simtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// schedule is all that a seed decides beforehand.
type schedule struct {
	seed     uint64
	nodes    int  // that found the cluster together
	spare    bool // one more that may join
	losing   bool // nodes lose their Raft stores, and whoever leads takes care of that
	messages bool // Raft's messages one by one, not in streams
	clients  int
	think    time.Duration // between the requests of a client, at most
	segment  int64         // bytes of an event log segment
	retain   uint64        // Raft entries kept behind a snapshot
	snapshot uint64        // Raft entries between snapshots
	faults   []fault
	length   time.Duration
}

// fault is one thing that goes wrong for a while.
type fault struct {
	at, lasts time.Duration
	kind      string
	nodes     []int   // whom, by number; -1: whoever leads then
	amount    int     // operations until it happens, or milliseconds
	rate      float64 // of loss
}

const (
	faultPartition = "partition" // nodes against the rest
	faultOneWay    = "one way"   // from the first node nothing reaches the second
	faultLossy     = "lossy"     // everything is lost in part and late
	faultReset     = "reset"     // connections between two nodes
	faultPower     = "power cut" // after amount changes of the disk
	faultKill      = "kill"
	faultAway      = "away"      // cut off, and its power cut amount ms after it is back
	faultPlugs     = "all plugs" // the power of all nodes at once
	faultSlow      = "slow disk" // each write takes up to amount ms
	faultHang      = "hang"      // one write takes amount ms
	faultFrozen    = "frozen"    // cut off while one write takes amount ms
	faultAhead     = "ahead"     // a leader's power goes while it syncs, which takes amount ms, what no more than a majority holds
	faultDisk      = "disk error"
	faultFull      = "full disk"
	faultNoRoom    = "no room" // for the event log alone: what is committed waits on that node
	faultClock     = "clock"   // jumps by amount ms
	faultTransfer  = "transfer of leadership"
	faultSnapshot  = "snapshot"
	faultRemove    = "remove"     // a member for a while
	faultDemote    = "demote"     // a voter for a while
	faultJoin      = "join"       // the spare node
	faultLost      = "lost store" // killed, and its Raft store is gone when it comes back
	faultAstray    = "astray"     // cut off, and meanwhile its clock jumps by amount ms
)

// kinds weighs the faults.
var kinds = []string{
	faultPartition, faultPartition, faultPartition, faultOneWay, faultOneWay, faultLossy, faultReset, faultReset,
	faultPower, faultPower, faultPower, faultKill, faultKill, faultAway, faultAway, faultAway, faultPlugs, faultSlow, faultSlow, faultHang, faultFrozen, faultFrozen, faultDisk, faultFull, faultNoRoom,
	faultClock, faultAstray, faultTransfer, faultTransfer, faultSnapshot, faultRemove, faultDemote,
}

// newSchedule is the schedule of a seed.
func newSchedule(seed uint64) schedule {
	r := rand.New(rand.NewPCG(seed, 0))
	s := schedule{
		seed: seed, nodes: 3, spare: r.IntN(3) == 0, messages: r.IntN(2) == 0,
		clients: 2 + r.IntN(3), think: time.Duration(80+r.IntN(420)) * time.Millisecond,
		segment: 2000 + r.Int64N(12_000), retain: uint64(5 + r.IntN(200)), snapshot: uint64(10 + r.IntN(100)),
		length: time.Duration(6+r.IntN(7)) * time.Second,
	}
	if r.IntN(4) == 0 {
		s.nodes = 5
	}
	for range 2 + r.IntN(6) {
		s.faults = append(s.faults, s.fault(r, kinds[r.IntN(len(kinds))]))
	}
	if s.spare {
		s.faults = append(s.faults, s.fault(r, faultJoin))
	}
	slices.SortFunc(s.faults, func(a, b fault) int { return int(a.at - b.at) })
	if r.IntN(6) == 0 { // many at once: Raft entries of several batches
		s.clients, s.length = 10, s.length/2
	}
	if r.IntN(2) == 0 { // Raft's log is short: who was away catches up outside Raft
		s.retain, s.snapshot = uint64(2+r.IntN(10)), uint64(5+r.IntN(15))
	}
	s.lose(rand.New(rand.NewPCG(seed, 3)))
	s.outrun(rand.New(rand.NewPCG(seed, 4)))
	return s
}

// outrun makes a quarter of the schedules such that a leader is ahead of its disk when
// its power goes.
func (s *schedule) outrun(r *rand.Rand) {
	if r.IntN(4) > 0 {
		return
	}
	s.faults = append(s.faults, s.fault(r, faultAhead))
	slices.SortFunc(s.faults, func(a, b fault) int { return int(a.at - b.at) })
}

// lose makes a third of the schedules such that nodes lose their Raft stores, one
// after the other or overlapping, and one in four of those such that power goes
// with the store. Then membership is in the platform's own hands.
func (s *schedule) lose(r *rand.Rand) {
	if s.spare || r.IntN(2) > 0 {
		return
	}
	s.losing = true
	s.faults = slices.DeleteFunc(s.faults, func(f fault) bool { return f.kind == faultRemove || f.kind == faultDemote })
	for range 1 + r.IntN(3) {
		s.faults = append(s.faults, s.fault(r, faultLost))
	}
	slices.SortFunc(s.faults, func(a, b fault) int { return int(a.at - b.at) })
}

func (s *schedule) fault(r *rand.Rand, kind string) fault {
	f := fault{kind: kind, at: time.Duration(r.Int64N(int64(s.length))), lasts: 200*time.Millisecond + time.Duration(r.Int64N(int64(4*time.Second)))}
	f.nodes = r.Perm(s.nodes)[:1+r.IntN((s.nodes+1)/2)]
	if r.IntN(3) == 0 {
		f.nodes[0] = -1
	}
	switch kind {
	case faultOneWay, faultReset:
		f.nodes = r.Perm(s.nodes)[:2]
	case faultPower, faultDisk:
		f.amount = 1 + r.IntN(60)
	case faultAway:
		f.lasts += 2 * time.Second
		f.amount = r.IntN(2000)
	case faultSlow:
		f.amount = 5 + r.IntN(300)
	case faultFrozen:
		f.nodes[0], f.amount, f.lasts = -1, 1000+r.IntN(4000), f.lasts+time.Second
	case faultAhead:
		f.nodes, f.amount, f.lasts = []int{-1}, 1400+r.IntN(500), f.lasts/2+time.Second
	case faultNoRoom:
		f.lasts += 2 * time.Second
	case faultHang:
		f.amount = 500 + r.IntN(8000)
	case faultFull:
		f.amount = r.IntN(20_000)
	case faultLossy:
		f.amount, f.rate = 1+r.IntN(200), r.Float64()*0.3
	case faultClock, faultAstray:
		f.amount = r.IntN(7_200_000) - 3_600_000
	case faultLost:
		f.amount = r.IntN(4) // 0: with the power
	}
	return f
}

func (f fault) String() string {
	who := make([]string, len(f.nodes))
	for i, n := range f.nodes {
		if who[i] = nodeName(n); n < 0 {
			who[i] = "leader"
		}
	}
	return fmt.Sprintf("%10s  %s of %s for %s, amount %d, rate %.2f", stamp(f.at), f.kind, strings.Join(who, " "), stamp(f.lasts), f.amount, f.rate)
}

func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d nodes, spare %t, single messages %t, %d clients thinking up to %s, segments of %d bytes, snapshot after %d entries, %d kept, %s of faults\n",
		s.seed, s.nodes, s.spare, s.messages, s.clients, s.think, s.segment, s.snapshot, s.retain, s.length)
	for _, f := range s.faults {
		fmt.Fprintln(&b, f)
	}
	return b.String()
}

func nodeName(i int) string { return fmt.Sprintf("n%d", i+1) }
