// Package consensus puts batches of events in one order for a cluster:
// hashicorp/raft replicates them, a fence drops what was decided on another
// history, the event log keeps them, and a fold turns them into state.
//
// Invariants:
//
//   - The way of a batch is fence → event log → fold → publish → answer, on
//     Raft's goroutine, serially, in log order, once for each committed and
//     unfenced batch, on every node alike.
//   - At most one Raft entry is in flight, carrying all that waits. What waits
//     is a chain: each batch stands on the one before it.
//   - A batch is accepted only on the basis it was decided on: same position,
//     same term, and the proposer's chain digest. Position or term differ: the
//     batch is stale. The digest differs: this node has diverged and stops.
//   - One durable write per commit, by Raft's log. The event log is synced in
//     the background, and always before Raft's log is truncated.
//   - Nothing is decided in a term before all that earlier terms committed is
//     folded (Leadership).
//   - A fault of this node's own (a log that cannot be written, a fold that
//     fails, divergence) ends its part: Failed is closed, nothing more is
//     applied, no snapshot is taken, and a restart fills the event log again
//     from Raft's log. A full disk is no such fault: it refuses and waits.
//   - A vote is given by an incarnation: one that lost its Raft store begins
//     again as another. Histories of different generations exchange nothing.
//   - No snapshot of a leader is let in before the event log holds what it
//     stands for. Nothing is fetched here: Lacking says what is missed, Accept
//     takes it in, under the same lock and by the same way as Raft's own.
//
// Deliberately absent: any knowledge of what an event says, waiting rooms for
// reads, forwarding to the leader, fetching, addresses of a network, and who
// should be a member: others decide that with AddLearner, Promote, Demote and
// Remove.
package consensus
