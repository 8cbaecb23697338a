// Package enroll lets machines into a cluster: the endpoint that a machine asks
// at (Server), the machine's side (Join), and certificates that renew themselves
// (Renewer).
//
// Invariants:
//
//   - Who asks proves with a signature that it has the key it asks for, over all
//     that it says and over the authority that it sees. What is said to one
//     cluster is void at another.
//   - The code that people compare is fixed by both sides' keys and by random
//     numbers of both, of which the machine's stays hidden until the cluster's is
//     given. So somebody in between cannot search for keys whose codes agree.
//   - A machine trusts a cluster through the code, or through an enrolment token
//     that names the cluster's authority; then it trusts that authority alone.
//   - A key is let in once, under one name. The same request again gives the same
//     node another certificate and nothing else.
//   - A token is used up in the batch that lets its machine in.
//   - What strangers cause is bounded: requests for each address, bytes, waiting
//     machines, events, memory.
//   - No token, code or key is in a log line or an event.
//
// Deliberately absent: who votes (membership), where machines are found
// (discovery), and connections between members (peer).
package enroll
