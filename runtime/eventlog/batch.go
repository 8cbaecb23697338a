package eventlog

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Digest is a link of the chain: h(n) = SHA-256(h(n−1) ‖ batch n), h(0) = 0,
// where a batch is its first position, count, time, length and payload. The
// Raft index is left out: history stays the same when Raft is founded anew.
type Digest [sha256.Size]byte

// Batch is what one decision wrote: events that stand together.
type Batch struct {
	First   uint64    // position of the first event; Append sets it
	Count   uint32    // number of events, at least 1
	Index   uint64    // index of the Raft entry that brought it; Append sets it
	Time    time.Time // log time, whole nanoseconds, UTC; never earlier than the batch before
	Digest  Digest    // the chain after this batch; Append sets it
	Payload []byte    // the events, encoded by others; never changed, may be kept
	// Dropped tells that compaction took the payload away and left what it says of
	// it in its place (see Compaction); the rest stands. Whoever folds the log passes
	// it over: what it said is said again later.
	Dropped bool
	// Length is that of the payload in bytes as it was appended; Append sets it.
	Length uint32
}

// Last is the position of the batch's last event.
func (b Batch) Last() uint64 { return b.First + uint64(b.Count) - 1 }

// Head is where the log ends.
type Head struct {
	Position uint64    // of the last event; 0 when empty
	Digest   Digest    // the chain up to there
	Index    uint64    // Raft index of the last batch
	Time     time.Time // log time of the last batch; the Unix epoch when empty
}

// Beginning is the head of an empty log.
func Beginning() Head { return Head{Time: time.Unix(0, 0).UTC()} }

// MaxPayload bounds the payload of one batch, in bytes.
const MaxPayload = 24 << 20

// A frame is a batch in a file, integers little-endian:
//
//	 0 u32 CRC-32C (Castagnoli) of all bytes after it
//	 4 u32 length of the payload as it was appended
//	 8 u64 Raft index
//	16 u32 flags: 1 = more batches of the same Raft entry follow,
//	       2 = the payload was dropped; above bit 8 then the length of what
//	       was left in its place
//	20 u32 number of events      ┐
//	24 u64 first position        │ chained, with the length
//	32 i64 time, Unix nanoseconds┘
//	40 [32] chain digest after this batch
//	72 payload                     chained
const frameHeader = 72

const (
	flagMore    = 1
	flagDropped = 2
	leftShift   = 8
)

// MaxLeft bounds what compaction leaves of a batch, in bytes.
const MaxLeft = 1<<24 - 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Reasons why bytes are no frame.
var (
	errShort     = errors.New("the file ends within a batch")
	errSum       = errors.New("the checksum (CRC-32C) of the batch does not match")
	errLength    = fmt.Errorf("the length of the batch is over %d bytes", MaxPayload)
	errFields    = errors.New("the batch has no events, unknown flags or an overflowing position")
	errOrder     = errors.New("the batch does not continue the positions before it")
	errChain     = errors.New("the batch does not continue the digest chain")
	errHeaderBad = errors.New("the header of the segment is damaged")
	errMissing   = errors.New("the file is missing")
	errHeader    = errors.New("the header of the segment does not stand for where the log is")
	errRewound   = errors.New("the batch's time or Raft index goes backwards")
)

func appendFrame(buf []byte, b *Batch, before Digest, more bool) []byte {
	start := len(buf)
	buf = append(buf, make([]byte, frameHeader)...)
	h := buf[start:]
	le := binary.LittleEndian
	flags := uint32(0)
	if more {
		flags |= flagMore
	}
	if b.Dropped {
		flags |= flagDropped | uint32(len(b.Payload))<<leftShift
	} else {
		b.Length = uint32(len(b.Payload))
	}
	le.PutUint32(h[4:], b.Length)
	le.PutUint64(h[8:], b.Index)
	le.PutUint32(h[16:], flags)
	le.PutUint32(h[20:], b.Count)
	le.PutUint64(h[24:], b.First)
	le.PutUint64(h[32:], uint64(b.Time.UnixNano()))
	if !b.Dropped {
		b.Digest = link(before, h, b.Payload)
	}
	copy(h[40:], b.Digest[:])
	buf = append(buf, b.Payload...)
	le.PutUint32(buf[start:], crc32.Checksum(buf[start+4:], castagnoli))
	return buf
}

// link computes the chain digest of the frame with header h.
func link(before Digest, h, payload []byte) Digest {
	sum := sha256.New()
	sum.Write(before[:])
	sum.Write(h[4:8])
	sum.Write(h[20:40])
	sum.Write(payload)
	var d Digest
	sum.Sum(d[:0])
	return d
}

// frameSize is the number of bytes of the frame that starts with h, which
// holds at least frameHeader bytes.
func frameSize(h []byte) (int, error) {
	n, flags := binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint32(h[16:])
	switch {
	case n > MaxPayload:
		return 0, errLength
	case flags&flagDropped != 0:
		return frameHeader + int(flags>>leftShift), nil
	}
	return frameHeader + int(n), nil
}

// decodeFrame reads one whole frame; the payload aliases it.
func decodeFrame(f []byte) (b Batch, more bool, err error) {
	le := binary.LittleEndian
	if crc32.Checksum(f[4:], castagnoli) != le.Uint32(f) {
		return Batch{}, false, errSum
	}
	flags := le.Uint32(f[16:])
	b = Batch{
		Index:   le.Uint64(f[8:]),
		Count:   le.Uint32(f[20:]),
		First:   le.Uint64(f[24:]),
		Time:    time.Unix(0, int64(le.Uint64(f[32:]))).UTC(),
		Digest:  Digest(f[40:72]),
		Dropped: flags&flagDropped != 0,
		Length:  le.Uint32(f[4:]),
		Payload: f[frameHeader:len(f):len(f)],
	}
	if b.Dropped {
		flags &= 1<<leftShift - 1
	}
	if b.Count == 0 || b.First == 0 || b.Last() < b.First || flags&^(flagMore|flagDropped) != 0 {
		return Batch{}, false, errFields
	}
	return b, flags&flagMore != 0, nil
}

// follow checks that b continues the log that ends at h, chain included, and
// gives the head after it. frame is the batch's encoded form. What a dropped
// batch held can no longer be checked, but that the chain goes on from its digest.
func (h Head) follow(b Batch, frame []byte) (Head, error) {
	switch {
	case b.First != h.Position+1:
		return h, errOrder
	case b.Time.Before(h.Time), b.Index < h.Index:
		return h, errRewound
	case !b.Dropped && link(h.Digest, frame, b.Payload) != b.Digest:
		return h, errChain
	}
	return h.after(b), nil
}

func (h Head) after(b Batch) Head {
	return Head{Position: b.Last(), Digest: b.Digest, Index: b.Index, Time: b.Time}
}

// String is the digest in hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText is String.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) {
		return fmt.Errorf("a digest has %d hexadecimal digits, not %d", 2*len(d), len(text))
	}
	_, err := hex.Decode(d[:], text)
	return err
}
