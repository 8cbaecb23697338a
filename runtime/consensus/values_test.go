package consensus

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// wired is a stream layer whose one connection is given.
type wired struct {
	net.Listener
	dial func() (net.Conn, error)
}

func (w wired) Dial(raft.ServerAddress, time.Duration) (net.Conn, error) { return w.dial() }

// carried is two transports over TCP, the second of which answers what the first
// sends, and the first's way to it.
func carried(t *testing.T) (raft.Transport, func() (net.Conn, error)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dial := func() (net.Conn, error) { return net.Dial("tcp", l.Addr().String()) }
	none, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	from, to := NewTransport(wired{none, dial}, nil), NewTransport(wired{l, nil}, nil)
	stop := make(chan struct{})
	t.Cleanup(func() {
		close(stop)
		_ = from.(io.Closer).Close()
		_ = to.(io.Closer).Close()
	})
	go func() {
		for {
			select {
			case rpc := <-to.Consumer():
				answer(rpc)
			case <-stop:
				return
			}
		}
	}()
	return from, dial
}

// answer says how much came.
func answer(rpc raft.RPC) {
	switch q := rpc.Command.(type) {
	case *raft.AppendEntriesRequest:
		rpc.Respond(&raft.AppendEntriesResponse{LastLog: uint64(len(q.Entries))}, nil)
	case *raft.InstallSnapshotRequest:
		n, err := io.Copy(io.Discard, rpc.Reader)
		rpc.Respond(&raft.InstallSnapshotResponse{Term: uint64(n), Success: err == nil}, nil)
	case *raft.RequestVoteRequest:
		rpc.Respond(&raft.RequestVoteResponse{Term: q.Term, Granted: true}, nil)
	case *raft.TimeoutNowRequest:
		rpc.Respond(&raft.TimeoutNowResponse{}, nil)
	}
}

func TestAllThatRaftSaysPasses(t *testing.T) {
	from, _ := carried(t)
	entries := make([]*raft.Log, entriesPerMessage)
	for i := range entries {
		entries[i] = &raft.Log{
			Index: 1<<40 + uint64(i), Term: 300, Type: raft.LogCommand, Data: make([]byte, 200_000), Extensions: make([]byte, 300), AppendedAt: time.Now(),
		}
	}
	for range 3 {
		var appended raft.AppendEntriesResponse
		q := &raft.AppendEntriesRequest{Term: 1 << 33, PrevLogEntry: 1, Entries: entries, RPCHeader: raft.RPCHeader{ID: make([]byte, 100), Addr: make([]byte, 70)}}
		if err := from.AppendEntries("b", "b", q, &appended); err != nil || appended.LastLog != entriesPerMessage {
			t.Fatalf("entries: %d came, %v", appended.LastLog, err)
		}
		for _, size := range []int64{0, 100, 70_000} {
			var installed raft.InstallSnapshotResponse
			err := from.InstallSnapshot("b", "b", &raft.InstallSnapshotRequest{Term: 5, Configuration: make([]byte, 900), Size: size}, &installed, bytes.NewReader(make([]byte, size)))
			if err != nil || installed.Term != uint64(size) {
				t.Fatalf("a snapshot of %d bytes: %d came, %v", size, installed.Term, err)
			}
		}
		var voted raft.RequestVoteResponse
		if err := from.RequestVote("b", "b", &raft.RequestVoteRequest{Term: 9}, &voted); err != nil || !voted.Granted {
			t.Fatalf("a vote: %v", err)
		}
		if err := from.TimeoutNow("b", "b", &raft.TimeoutNowRequest{}, &raft.TimeoutNowResponse{}); err != nil {
			t.Fatalf("the word to lead: %v", err)
		}
	}
}

// message is a request of a type, with one field that holds so many empty maps.
func message(kind byte, field string, maps int) []byte {
	b := append([]byte{kind, 0x81, 0xa0 | byte(len(field))}, field...)
	b = append(b, 0xdd, byte(maps>>24), byte(maps>>16), byte(maps>>8), byte(maps))
	return append(b, bytes.Repeat([]byte{0x80}, maps)...)
}

// Each of the maps takes one byte on the wire and a hundred in memory.
func TestManySmallValuesTakeNoMemory(t *testing.T) {
	_, dial := carried(t)
	const maps = 8 << 20
	for name, sent := range map[string][]byte{
		"entries":            message(0, "Entries", maps),
		"an unknown field":   message(1, "Friends", maps),
		"behind a snapshot":  append([]byte("\x02\x81\xa4Size\x00"), message(0, "Entries", maps)...),
		"within a snapshot":  message(installSnapshot, "Peers", maps),
		"a second Size":      append([]byte("\x02\x82\xa4Size\xce\x04\x00\x00\x00\xa4Size\x00"), message(0, "Entries", maps)...),
		"a Size among bytes": append([]byte("\x02\x81\xc4\x04Size\x00"), message(0, "Entries", maps)...),
		"a list for fields":  append([]byte("\x00\x9b\xc0\xc0\xc0\xc0"), message(0, "Entries", maps)[10:]...),
	} {
		conn, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		go func() { _, _ = conn.Write(sent) }() // it ends when the other side hangs up
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		_, err = io.Copy(io.Discard, conn) // an answer may come to what is in front
		runtime.ReadMemStats(&after)
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
			t.Errorf("%s: nobody hung up", name)
		}
		if made := after.TotalAlloc - before.TotalAlloc; made > 16<<20 {
			t.Errorf("%s: %d MiB were sent and made %d MiB of memory", name, len(sent)>>20, made>>20)
		}
		_ = conn.Close()
	}
}

func TestMessagesAreBoundedInValues(t *testing.T) {
	nested := strings.Repeat("\x91", maxDepth+1) + "\x01"
	for name, c := range map[string]struct {
		sent string
		want error
	}{
		"a number in every form": {"\x00\x81\xa1a\x9d\x01\xff\xcc\x01\xcd\x00\x01\xce\x00\x00\x00\x01\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xd0\x01\xd1\x00\x01\xd2\x00\x00\x00\x01\xd3\x00\x00\x00\x00\x00\x00\x00\x01\xca\x00\x00\x00\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x00\x80", nil},
		"texts and bytes":        {"\x00\x81\xa1a\x99\xa0\xd9\x01x\xda\x00\x01x\xdb\x00\x00\x00\x01x\xc4\x01x\xc5\x00\x01x\xc6\x00\x00\x00\x01x\xd4\x01x\xc7\x01\x01x\x00\x80", nil},
		"what is no MessagePack": {"\x00\x81\xa1a\xc1", errMessage},
		"a list of four billion": {"\x00\x81\xa1a\xdd\xff\xff\xff\xff", errValues},
		"a map of two billion":   {"\x00\x81\xa1a\xdf\xff\xff\xff\xff", errValues},
		"a deep message":         {"\x00\x81\xa1a" + nested, errValues},
		"a number as a message":  {"\x00\x01", errMessage},
		"a snapshot of no size":  {"\x02\x81\xa4Term\x01", errMessage},
		"a negative snapshot":    {"\x02\x81\xa4Size\xff", errMessage},
		"an endless snapshot":    {"\x02\x81\xa4Size\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", errMessage},
	} {
		for _, step := range []int{1, 3, len(c.sent)} { // however it comes
			var m messages
			var err error
			for rest := []byte(c.sent); len(rest) > 0 && err == nil; {
				n := min(step, len(rest))
				err = m.take(rest[:n])
				rest = rest[n:]
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%s, %d bytes at a time: %v, want %v", name, step, err, c.want)
			}
			if err == nil && (m.begun || m.raw != 0) {
				t.Errorf("%s, %d bytes at a time: the end was not seen", name, step)
			}
		}
	}
}
