// Package lan is a local network for tests: hosts, each a network namespace of
// the kernel, joined by a switch that can lose, delay, repeat and cut.
//
// Invariants:
//   - Nothing has a name outside the process: namespaces and interfaces are
//     held by open files, so that they are gone when it ends, however it ends.
//   - The switch knows the direction of each frame: a cut or a loss may be one
//     way only.
//   - No program of the machine is called.
//
// Deliberately absent: routers, IPv6 addresses beyond link-local ones (the
// kernel makes those), and any use in the product.
package lan
