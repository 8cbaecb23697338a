package consensus

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/hashicorp/raft"
)

// Raft's messages name their sender only. Behind its name travel, each after a
// separator, the Raft id that the message is for and the generation of the
// history that it is about.
const separator = '\x00'

var (
	errIncarnation = errors.New("the message is for another incarnation of this node")
	errGeneration  = errors.New("the message is about another generation of the cluster's history")
	errLabel       = errors.New("the message does not say whom it is for")
)

// label makes the header of a message to id.
func (c *carrier) label(h raft.RPCHeader, id raft.ServerID) raft.RPCHeader {
	generation, _ := c.history()
	b := make([]byte, 0, len(h.ID)+len(id)+8)
	b = append(append(append(b, h.ID...), separator), id...)
	h.ID = strconv.AppendUint(append(b, separator), generation, 10)
	return h
}

// admit takes the label from a message and tells whether it is for this node:
//
//   - It is for an incarnation. One that lost its Raft store is reached at the
//     same address and has forgotten for whom it voted and what it acknowledged.
//     It must not vote in its predecessor's place, nor acknowledge entries: a
//     leader that was deposed by its predecessor's vote, and has not heard of it,
//     would take that for a majority.
//   - After a recovery from a lost quorum nodes may come back that know nothing
//     of it. Histories of different generations contradict each other, so those
//     that have some of one take no message of another.
func (c *carrier) admit(command any) error {
	h := headerOf(command)
	if h == nil {
		return errLabel
	}
	parts := bytes.Split(h.ID, []byte{separator})
	if len(parts) != 3 {
		return errLabel
	}
	h.ID = parts[0]
	generation, empty := c.history()
	switch {
	case string(parts[1]) != string(c.id):
		return fmt.Errorf("%w: it is for %q, this is %q", errIncarnation, parts[1], c.id)
	case !empty && string(parts[2]) != strconv.FormatUint(generation, 10):
		return fmt.Errorf("%w: %q, this node's is %d", errGeneration, parts[2], generation)
	}
	return nil
}

func headerOf(command any) *raft.RPCHeader {
	switch q := command.(type) {
	case *raft.RequestVoteRequest:
		return &q.RPCHeader
	case *raft.RequestPreVoteRequest:
		return &q.RPCHeader
	case *raft.AppendEntriesRequest:
		return &q.RPCHeader
	case *raft.InstallSnapshotRequest:
		return &q.RPCHeader
	case *raft.TimeoutNowRequest:
		return &q.RPCHeader
	}
	return nil
}
