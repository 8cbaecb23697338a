// Package archive keeps bytes that no longer change in compressed blocks, each
// readable without the others.
//
// Invariants:
//
//   - What is read is what was written, or an error that names the place: every
//     block, the index and the footer have a checksum (CRC-32C), and sizes are
//     checked before memory is taken.
//   - Reading costs the blocks that are asked for and the index, writing one block:
//     the memory of a small board is enough for any size.
//
// Deliberately absent: any knowledge of what the bytes say, changes in place, and
// the making of files durable (see disk.WriteFile).
package archive
