// Package membership makes the members of the consensus follow the nodes that
// are enrolled: it adds, promotes, demotes and removes servers of Raft, hands
// the leadership over, and says in the log what became of each node.
//
// Invariants:
//
//   - What to do next is one pure function (Next) of what is known: at most one
//     change, and the next one only after it.
//   - No change leaves fewer voters in reach than a majority of the voters that
//     it leads to. A node gets a vote only after it kept up for a while.
//   - Voters by the number of nodes that may vote: 1 of 1, 2 of 2, 3 of 3 and 4,
//     5 of more. A voter that is silent for long is replaced if another can be.
//   - Only the leader acts. A new leader begins with fresh eyes: silence counts
//     from when it began to listen.
//   - The cluster's level of the platform rises when all servers answer with a
//     release of it, and never falls. A node below it gets no part.
//   - What it finds goes through the front door like every other change. Events
//     are written when something changed for good, never because time passed.
//   - Every goroutine ends with Close.
//
// Deliberately absent: who is let in (enrolment), how members are reached, how
// changes of a configuration are agreed on (consensus), what a machine is like
// (insight).
package membership
