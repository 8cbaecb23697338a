package consensus

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// entry is the content of a Raft log entry: a chain of batches that is accepted
// or dropped whole. Little-endian:
//
//	 0 u8  version, 1
//	 1 u64 term
//	 9 u64 basis position
//	17 [32] chain digest at the basis
//	49 u32 number of batches, then for each:
//	       u32 events, i64 time in Unix nanoseconds, u32 length, payload
type entry struct {
	term    uint64
	basis   uint64
	digest  eventlog.Digest
	batches []eventlog.Batch
}

const (
	entryVersion = 1
	entryHeader  = 53
	batchHeader  = 16
)

var errEntry = errors.New("a Raft entry is not of a known form; this node needs a newer version")

func (e entry) encode() []byte {
	size := entryHeader
	for _, b := range e.batches {
		size += batchHeader + len(b.Payload)
	}
	le := binary.LittleEndian
	buf := make([]byte, 0, size)
	buf = append(buf, entryVersion)
	buf = le.AppendUint64(buf, e.term)
	buf = le.AppendUint64(buf, e.basis)
	buf = append(buf, e.digest[:]...)
	buf = le.AppendUint32(buf, uint32(len(e.batches)))
	for _, b := range e.batches {
		buf = le.AppendUint32(buf, b.Count)
		buf = le.AppendUint64(buf, uint64(b.Time.UnixNano()))
		buf = le.AppendUint32(buf, uint32(len(b.Payload)))
		buf = append(buf, b.Payload...)
	}
	return buf
}

// decodeEntry reads an entry; payloads alias data.
func decodeEntry(data []byte) (entry, error) {
	le := binary.LittleEndian
	if len(data) < entryHeader || data[0] != entryVersion {
		return entry{}, errEntry
	}
	e := entry{term: le.Uint64(data[1:]), basis: le.Uint64(data[9:]), digest: eventlog.Digest(data[17:49])}
	n := int(le.Uint32(data[49:]))
	data = data[entryHeader:]
	if n > len(data)/batchHeader {
		return entry{}, errEntry
	}
	e.batches = make([]eventlog.Batch, n)
	for i := range e.batches {
		if len(data) < batchHeader {
			return entry{}, errEntry
		}
		size := int(le.Uint32(data[12:]))
		if size > len(data)-batchHeader || size > MaxBatch {
			return entry{}, errEntry
		}
		e.batches[i] = eventlog.Batch{
			Count:   le.Uint32(data),
			Time:    time.Unix(0, int64(le.Uint64(data[4:]))).UTC(),
			Payload: data[batchHeader : batchHeader+size : batchHeader+size],
		}
		if e.batches[i].Count == 0 {
			return entry{}, errEntry
		}
		data = data[batchHeader+size:]
	}
	if len(data) != 0 {
		return entry{}, errEntry
	}
	return e, nil
}
