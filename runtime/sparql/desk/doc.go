// Package desk is where queries and updates are handed in: it lets a bounded
// number run, makes a bounded number wait for their turn, refuses the rest, and
// knows at any time what runs.
//
// Invariants:
//   - No more than Config.Running run at once, and no more than
//     Config.RunningPerCaller of one caller; a place that becomes free goes to
//     the caller who has the fewest, among equals to who waits longest.
//   - Config.Kept places are for callers who have none running: others with many
//     long queries do not hold them up.
//   - Who waits is bounded in number, also per caller, and in time.
//   - All that run together share one pool of memory.
//   - What Enter let in stays on the list until Leave, and its context ends when
//     its caller's does or when somebody ends it. What waits for something else
//     (Aside) is on the list too, and has no place.
//
// Deliberately absent: goroutines of its own, who may see or end what (the edge
// asks the front door), and how work is done: the desk hands out a context and
// limits and is told how it ended.
package desk
