// Package cli is the command line of picloud: the client part, which builds on
// every system that Go knows and needs nothing but a cluster's address.
//
// Invariants:
//   - Files are checked whole before anything is sent; every fault has its line.
//   - What is applied is exactly the plan that was shown.
//   - Results go to the output, everything about them to the error output; a
//     script sees no colour, no question and a code that says what to do next.
//   - What cannot be taken back is done after somebody agreed, or with --yes.
//   - A cluster is reached through generated/client alone.
//
// What varies by kind comes from generated/cli and generated/schema. It keeps
// no state but the context files that say which cluster is meant. Deliberately
// absent: the node, shells, and secrets in files or arguments.
package cli
