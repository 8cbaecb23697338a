package consensus

import "github.com/hashicorp/raft"

// A leader sends its entries while its own disk still syncs them, so that a commit
// takes the longer of the two and not their sum (Ongaro's dissertation, 10.2.1).
// hashicorp/raft counts an entry as held by the leader once StoreLogs returns, which
// here is before that is true. Three things make it good:
//
//   - What Raft calls committed is used up to the last durable entry only: the fold
//     waits (fsm.ApplyBatch), and followers are told no more (carrier.entries). Up to
//     there a majority holds the log, this node truly among them.
//   - The entry that begins a term is stored durably as ever. With it come all entries
//     of earlier terms, which are committed by no count of their own (5.4.2 of the
//     Raft paper), so that the last durable entry never is one of those.
//   - A node that leads no more has what it wrote durable before it acknowledges an
//     entry, changes the log or leads again: each such way meets the log's lock, or
//     watchedLog.GetLog.

// mayRunAhead says that entries may be sent before they are durable here: this node
// leads others, and they are ordinary. A configuration counts from when it is stored.
func (n *Node) mayRunAhead(logs []*raft.Log) bool {
	for _, l := range logs {
		if l.Type != raft.LogCommand {
			return false
		}
	}
	return n.leads() && n.othersVote()
}

// leads is Raft's own view, which its main loop changes before it acts on it.
func (n *Node) leads() bool {
	r := n.carrier.raft.Load()
	return r != nil && r.State() == raft.Leader
}
