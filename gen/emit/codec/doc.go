// Package codec emits generated/codec: the JSON of resources, commands and
// events, written and read without reflection.
//
// One file holds what is the same for all kinds (codec.go.txt, copied as it
// is). Deliberately absent: how JSON itself is read and written, which is
// gen/base.
package codec
