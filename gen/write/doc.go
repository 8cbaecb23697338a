// Package write puts generated files on disk: formatted, under one header,
// only where they changed, and without leaving a stale one behind.
//
// Everything is in memory before anything touches the disk, so a failed run
// changes nothing. Deliberately absent: any knowledge of what the files say.
package write
