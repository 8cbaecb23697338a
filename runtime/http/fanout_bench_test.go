package http_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// BenchmarkFanout writes 200 events a second while 333 clients listen over TLS, a
// third of a thousand as one node of three has them: what each delivery takes of
// processors, with the listener's share and the write's.
func BenchmarkFanout(b *testing.B) {
	const listeners, rate = 333, 200
	c := start(b, b.TempDir())
	authority := x509.NewCertPool()
	authority.AppendCertsFromPEM(c.node.CA())
	var heard atomic.Int64
	for range listeners {
		conn, err := tls.Dial("tcp", c.address, &tls.Config{RootCAs: authority, ServerName: "picloud.local"})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		c.listen(conn, &heard)
	}
	tick := time.NewTicker(time.Second / rate)
	defer tick.Stop()
	before := processor(b)
	for i := 0; b.Loop(); i++ {
		<-tick.C
		c.want(200+min(1, max(0, 1-i)), c.do("PUT", "/products/told", fmt.Sprintf(`{"version":"1.0.%d","description":"%0200d"}`, i, i)))
	}
	for all := int64(b.N * listeners); heard.Load() < all; {
		<-tick.C
	}
	b.ReportMetric(float64((processor(b)-before).Nanoseconds())/float64(b.N*listeners), "ns/delivery")
}

// listen counts the events that a connection is told.
func (c *cluster) listen(conn net.Conn, heard *atomic.Int64) {
	c.t.Helper()
	request, err := http.NewRequest("GET", "https://picloud.local/events?type=ProductChanged,ProductDeclared", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.node.AdminToken())
	request.Header.Set("Accept", "text/event-stream")
	if err := request.Write(conn); err != nil {
		c.t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	if response, err := http.ReadResponse(in, request); err != nil || response.StatusCode != 200 {
		c.t.Fatal(response, err)
	}
	go func() {
		buffer := make([]byte, 32<<10)
		for {
			n, err := in.Read(buffer)
			if err != nil {
				return
			}
			heard.Add(int64(bytes.Count(buffer[:n], []byte("\nid: ")) + bytes.Count(buffer[:min(n, 4)], []byte("id: "))))
		}
	}()
}

// processor is what this process has taken of processors.
func processor(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
