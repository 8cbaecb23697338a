package consensus

import (
	"testing"

	"github.com/hashicorp/raft"
)

func TestMessageToAFollowerIsBoundedInBytes(t *testing.T) {
	c := newCarrier(nil, "n1", func() (uint64, bool) { return 0, false }, func() bool { return false }, func(i uint64) uint64 { return i })
	request := func(sizes ...int) *raft.AppendEntriesRequest {
		q := &raft.AppendEntriesRequest{}
		for i, n := range sizes {
			q.Entries = append(q.Entries, &raft.Log{Index: uint64(i + 1), Data: make([]byte, n)})
		}
		return q
	}
	for _, tc := range []struct {
		sizes []int
		left  int
	}{
		{[]int{10, 10, 10}, 3},
		{[]int{MaxMessage, 1}, 1},
		{[]int{MaxMessage / 2, MaxMessage / 2, 1}, 2},
		{[]int{MaxBatch, MaxBatch}, 1},
		{nil, 0},
	} {
		q := request(tc.sizes...)
		if sent := c.entries("n2", q); len(sent.Entries) != tc.left || len(q.Entries) != tc.left {
			t.Errorf("%d: %d are sent and Raft counts %d", tc.sizes, len(sent.Entries), len(q.Entries))
		}
	}
}
