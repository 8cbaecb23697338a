package clusterbench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// ear is a listener of the events of products. It takes what came with one look
// at the clock and finds the ids in it: a thousand of them share the machine with
// what is measured.
type ear struct {
	conn  *tls.Conn
	body  io.Reader
	began time.Time
	heard []heard
}

// heard is one event that one listener was told.
type heard struct {
	position uint64
	at       time.Duration
}

// listen opens a stream of a node and makes room for n events.
func (c *cluster) listen(s *server, began time.Time, n int) *ear {
	c.Helper()
	conn, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: c.roots, ServerName: c.domain})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = conn.Close() })
	request, err := http.NewRequest(http.MethodGet, "https://"+c.domain+"/events?type=ProductChanged,ProductDeclared", nil)
	if err != nil {
		c.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "text/event-stream")
	if err := request.Write(conn); err != nil {
		c.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil || response.StatusCode != http.StatusOK {
		c.Fatalf("a listener is refused: %v %v", response, err)
	}
	return &ear{conn, response.Body, began, make([]heard, 0, n)}
}

// hear listens until it was told n events or ctx ends.
func (e *ear) hear(ctx context.Context, n int) error {
	defer context.AfterFunc(ctx, func() { _ = e.conn.SetDeadline(time.Now()) })()
	buffer, held := make([]byte, 32<<10), 0
	for len(e.heard) < n {
		got, err := e.body.Read(buffer[held:])
		at := time.Since(e.began)
		rest, bad := e.take(buffer[:held+got], at)
		if bad != nil {
			return bad
		}
		if held = copy(buffer, rest); held == len(buffer) {
			return errors.New("a line is longer than 32 KiB")
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var idLine = []byte("id: ")

// take notes the events in a text that begins with a line, and gives what is no
// whole line yet.
func (e *ear) take(text []byte, at time.Duration) (rest []byte, err error) {
	for {
		end := bytes.IndexByte(text, '\n')
		if end < 0 {
			return text, nil
		}
		if id, is := bytes.CutPrefix(text[:end], idLine); is {
			position, err := strconv.ParseUint(string(id), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("an id: %w", err)
			}
			e.heard = append(e.heard, heard{position, at})
		}
		text = text[end+1:]
	}
}
