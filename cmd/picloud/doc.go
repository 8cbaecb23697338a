// Command picloud is the one binary: command line and node.
//
// The command line (package cli) builds everywhere; the node runs on Linux
// alone, and elsewhere says so. Nothing is decided here: flags become the
// configuration of runtime/node and runtime/http.
package main
