package peer

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// How long nothing is acknowledged before a connection is suspected.
const (
	unacknowledged = time.Second             // what was sent, and twice again
	unanswered     = 1500 * time.Millisecond // the kernel's question whether anybody is there
)

// stalled reports that the other machine acknowledges nothing, although this
// one's kernel has asked for it more than once. The kernel of a process that is
// stopped or slow acknowledges: this is about machines and what lies between.
// (TCP_USER_TIMEOUT would be one line, but ends connections also whose reader
// takes nothing for as long.)
func stalled(conn net.Conn) bool {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	var about *unix.TCPInfo
	if raw.Control(func(fd uintptr) {
		about, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}) != nil || err != nil {
		return false
	}
	silence := time.Duration(about.Last_ack_recv) * time.Millisecond
	return about.Retransmits > 1 && silence >= unacknowledged || about.Probes > 0 && silence >= unanswered
}
