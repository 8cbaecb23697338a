// Package cli is the command line of picloud: the client part, which builds on
// every system that Go knows and needs nothing but a cluster's address.
//
// What varies by kind comes from generated/cli and generated/schema. It keeps
// no state but the context file that says which cluster is meant, and talks to
// the cluster through generated/client alone.
package cli
