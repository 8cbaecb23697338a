// Package datadir claims a node's data directory: one process at a time, and
// never a format that this program does not know.
//
// Invariants:
//
//   - The lock is the operating system's and ends with the process, however it
//     ends; a left-over file locks nobody out.
//   - A format newer than the program's is refused with the version that wrote
//     it; an older one is handed to the caller, who migrates or refuses.
//
// Deliberately absent: any knowledge of what else the directory holds.
package datadir
