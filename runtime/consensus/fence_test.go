package consensus

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/runtime/eventlog"
)

func TestFenceComparesPositionDigestAndTerm(t *testing.T) {
	head := eventlog.Head{Position: 7, Digest: eventlog.Digest{1}, Index: 3, Time: time.Unix(100, 0)}
	batch := []eventlog.Batch{{Count: 1, Time: time.Unix(100, 0)}}
	for _, tc := range []struct {
		name string
		e    entry
		want error
	}{
		{"same history", entry{term: 2, basis: 7, digest: head.Digest, batches: batch}, nil},
		{"older position", entry{term: 2, basis: 6, digest: head.Digest, batches: batch}, ErrStale},
		{"newer position", entry{term: 2, basis: 8, digest: head.Digest, batches: batch}, ErrStale},
		{"older position of another history", entry{term: 2, basis: 6, batches: batch}, ErrStale},
		{"another term", entry{term: 1, basis: 7, digest: head.Digest, batches: batch}, ErrStale},
		{"another history", entry{term: 2, basis: 7, batches: batch}, ErrDiverged},
		{"earlier time", entry{term: 2, basis: 7, digest: head.Digest, batches: []eventlog.Batch{{Count: 1, Time: time.Unix(99, 0)}}}, ErrStale},
	} {
		if err := fence(tc.e, 2, head); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestEntryIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entry{term: rapid.Uint64().Draw(t, "term"), basis: rapid.Uint64().Draw(t, "basis")}
		copy(e.digest[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "digest"))
		for range rapid.IntRange(0, 5).Draw(t, "batches") {
			e.batches = append(e.batches, eventlog.Batch{
				Count:   rapid.Uint32Min(1).Draw(t, "count"),
				Time:    time.Unix(0, rapid.Int64().Draw(t, "time")).UTC(),
				Payload: rapid.SliceOf(rapid.Byte()).Draw(t, "payload"),
			})
		}
		data := e.encode()
		got, err := decodeEntry(data)
		if err != nil || got.term != e.term || got.basis != e.basis || got.digest != e.digest || len(got.batches) != len(e.batches) {
			t.Fatalf("%+v, %v", got, err)
		}
		for i, b := range got.batches {
			if b.Count != e.batches[i].Count || !b.Time.Equal(e.batches[i].Time) || !bytes.Equal(b.Payload, e.batches[i].Payload) {
				t.Fatalf("batch %d: %+v", i, b)
			}
		}
		if n := rapid.IntRange(0, len(data)-1).Draw(t, "cut"); n < len(data) {
			if _, err := decodeEntry(data[:n]); !errors.Is(err, errEntry) {
				t.Fatalf("%d of %d bytes were read: %v", n, len(data), err)
			}
		}
	})
}
