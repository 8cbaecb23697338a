package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/hashicorp/raft"
)

// A record, integers little-endian, at an offset that is a multiple of 8:
//
//	 0 u32 CRC-32C of the segment's salt, the record's offset and bytes 4 to 48
//	 4 u32 CRC-32C of the payload
//	 8 u32 length of data and extensions together
//	12 u32 length of the extensions
//	16 u64 Raft index; of bounds: the first index that counts
//	24 u64 term; of bounds: the index after the last that counts
//	32 u32 offset at which the write began that brought this record
//	36 u8  kind: 1 = entry, 2 = bounds
//	37 u8  Raft's type of the entry
//	38 u16 0
//	40 i64 when the leader first appended it, Unix nanoseconds; 0 = unknown
//	48 data, extensions, zeros up to a multiple of 8
//
// Bytes 32 to 36 prove that everything before that offset was durable when the
// record was written. The salt is random and secret, so that no payload can
// hold bytes that pass for a record.
const (
	recordHeader = 48
	recordAlign  = 8
)

const (
	kindEntry  = 1
	kindBounds = 2
)

// MaxEntry bounds data and extensions of one entry, in bytes.
const MaxEntry = 64 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Reasons why bytes are no record that belongs here.
var (
	errEnd     = errors.New("there is no record")
	errHeader  = errors.New("the checksum (CRC-32C) of the record's header does not match")
	errPayload = errors.New("the checksum (CRC-32C) of the entry does not match")
	errShort   = errors.New("the file ends within a record")
	errGroup   = errors.New("the record belongs to another write")
	errOrder   = errors.New("the record does not continue the indexes before it")
	errBounds  = errors.New("the record keeps entries that are not there")
)

// bounds are the indexes that count: first up to, not including, next. None
// count if they are equal.
type bounds struct{ first, next uint64 }

func (b bounds) empty() bool { return b.first == b.next }

func (b bounds) has(index uint64) bool { return index >= b.first && index < b.next }

// header is a record's header, decoded.
type header struct {
	payloadSum uint32
	length     uint32
	extensions uint32
	a, b       uint64 // index and term, or first and next
	group      uint32
	kind       uint8
	logType    raft.LogType
	appended   int64
}

// size is what the whole record takes in the file.
func (h header) size() int64 { return recordSize(int(h.length)) }

func recordSize(payload int) int64 {
	return (recordHeader + int64(payload) + recordAlign - 1) &^ (recordAlign - 1)
}

// entrySize is what the record of l takes.
func entrySize(l *raft.Log) int64 { return recordSize(len(l.Data) + len(l.Extensions)) }

// appendEntry appends the record of l, which will be at offset at of a file with
// the salt, in a write that begins at group.
func appendEntry(buf []byte, salt salt, at, group int64, l *raft.Log) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, recordHeader)...)
	buf = append(buf, l.Data...)
	buf = append(buf, l.Extensions...)
	h := header{
		payloadSum: crc32.Checksum(buf[start+recordHeader:], castagnoli),
		length:     uint32(len(l.Data) + len(l.Extensions)),
		extensions: uint32(len(l.Extensions)),
		a:          l.Index, b: l.Term, group: uint32(group), kind: kindEntry, logType: l.Type,
	}
	if !l.AppendedAt.IsZero() {
		h.appended = l.AppendedAt.UnixNano()
	}
	h.encode(buf[start:], salt, at)
	return append(buf, make([]byte, int(h.size())-(len(buf)-start))...)
}

// appendBounds appends a record that says what counts from now on. It is a
// write of its own.
func appendBounds(buf []byte, salt salt, at int64, b bounds) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, recordHeader)...)
	header{a: b.first, b: b.next, group: uint32(at), kind: kindBounds}.encode(buf[start:], salt, at)
	return buf
}

func (h header) encode(to []byte, salt salt, at int64) {
	le := binary.LittleEndian
	le.PutUint32(to[4:], h.payloadSum)
	le.PutUint32(to[8:], h.length)
	le.PutUint32(to[12:], h.extensions)
	le.PutUint64(to[16:], h.a)
	le.PutUint64(to[24:], h.b)
	le.PutUint32(to[32:], h.group)
	to[36], to[37] = h.kind, uint8(h.logType)
	le.PutUint64(to[40:], uint64(h.appended))
	le.PutUint32(to, headerSum(to[:recordHeader], salt, at))
}

func headerSum(h []byte, salt salt, at int64) uint32 {
	var place [8]byte
	binary.LittleEndian.PutUint64(place[:], uint64(at))
	sum := crc32.Update(0, castagnoli, salt[:])
	sum = crc32.Update(sum, castagnoli, place[:])
	return crc32.Update(sum, castagnoli, h[4:recordHeader])
}

// decodeHeader reads the header in the first recordHeader bytes of p, which were
// at offset at.
func decodeHeader(p []byte, salt salt, at int64) (header, error) {
	le := binary.LittleEndian
	h := header{
		payloadSum: le.Uint32(p[4:]), length: le.Uint32(p[8:]), extensions: le.Uint32(p[12:]),
		a: le.Uint64(p[16:]), b: le.Uint64(p[24:]), group: le.Uint32(p[32:]),
		kind: p[36], logType: raft.LogType(p[37]), appended: int64(le.Uint64(p[40:])),
	}
	if h.kind == 0 && h.a == 0 {
		return h, errEnd
	}
	if headerSum(p, salt, at) != le.Uint32(p) {
		return h, errHeader
	}
	if h.kind != kindEntry && h.kind != kindBounds || h.length > MaxEntry || h.extensions > h.length || int64(h.group) > at {
		return h, fmt.Errorf("the record has kind %d, %d bytes and a write that began at %d: this program writes none such", h.kind, h.length, h.group)
	}
	return h, nil
}

// entry makes a log entry of the header and its payload, which it checks and
// keeps.
func (h header) entry(payload []byte, to *raft.Log) error {
	if crc32.Checksum(payload, castagnoli) != h.payloadSum {
		return errPayload
	}
	*to = raft.Log{Index: h.a, Term: h.b, Type: h.logType}
	n := len(payload) - int(h.extensions)
	if n > 0 {
		to.Data = payload[:n:n]
	}
	if h.extensions > 0 {
		to.Extensions = payload[n:]
	}
	if h.appended != 0 {
		to.AppendedAt = time.Unix(0, h.appended).UTC()
	}
	return nil
}
