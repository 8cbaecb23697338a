package http

import (
	"net/http"
	"time"

	"github.com/picloud/picloud/runtime/command"
)

// stall is how long a client may take to read what was written to it, and renewal
// how old that may be which the connection knows of it.
const (
	stall   = 30 * time.Second
	renewal = 3 * time.Second
)

// stream is an answer that goes on: of events, or of a live query.
type stream struct {
	server  *Server
	request *http.Request
	w       http.ResponseWriter
	out     *http.ResponseController
	format  Format
	token   string    // that opened it
	wrote   time.Time // last
	renewed time.Time // the deadline
}

func (s *Server) newStream(w http.ResponseWriter, r *http.Request, format Format) stream {
	token, _ := tokenOf(r) // it opened the stream, so it is there
	return stream{server: s, request: r, w: w, out: http.NewResponseController(w), format: format, token: token}
}

// principal is who listens now: a token may be revoked, and expire, while its
// stream goes on.
func (s *stream) principal() (command.Principal, error) { return s.server.door.Authenticate(s.token) }

// beat says that the stream lives, if it may.
func (s *stream) beat() error {
	if _, err := s.principal(); err != nil {
		return err
	}
	if s.format == SSE {
		return s.flush([]byte(":\n\n"))
	}
	return s.flush([]byte("\n"))
}

// flush sends bytes on their way; a client that does not read loses its stream.
func (s *stream) flush(b []byte) error {
	if s.wrote = time.Now(); s.wrote.Sub(s.renewed) > renewal {
		if err := s.out.SetWriteDeadline(s.wrote.Add(stall)); err != nil {
			return err
		}
		s.renewed = s.wrote
	}
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	return s.out.Flush()
}
