package http

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

// answerWriter is where the answer of a query goes. It holds back the head
// until there is enough of it that an early error can still become a problem
// document; from then on the client must keep up: the connection ends with the
// query and with the time that it may take.
type answerWriter struct {
	w        http.ResponseWriter
	media    string
	ctx      context.Context
	deadline time.Time
	held     []byte
	started  bool
	stop     func() bool
}

func newAnswerWriter(w http.ResponseWriter, r *http.Request, media string, limits sparql.Limits) *answerWriter {
	timeout := limits.Timeout
	if timeout == 0 {
		timeout = sparql.DefaultLimits().Timeout
	}
	return &answerWriter{w: w, media: media, ctx: r.Context(), deadline: time.Now().Add(timeout)}
}

const holdBack = 64 << 10

// alive is an error once nobody waits for the answer any more.
func (a *answerWriter) alive() error { return context.Cause(a.ctx) }

func (a *answerWriter) Write(b []byte) (int, error) {
	if err := a.alive(); err != nil { // a serialiser that has all it needs does not ask
		return 0, err
	}
	if !a.started && len(a.held)+len(b) <= holdBack {
		a.held = append(a.held, b...)
		return len(b), nil
	}
	if err := a.start(); err != nil {
		return 0, err
	}
	return a.w.Write(b)
}

func (a *answerWriter) start() error {
	if a.started {
		return nil
	}
	a.started = true
	connection := http.NewResponseController(a.w)
	if err := connection.SetWriteDeadline(a.deadline); err != nil {
		return err
	}
	// A client that does not read would keep the query in a write that nothing
	// else ends.
	a.stop = context.AfterFunc(a.ctx, func() { _ = connection.SetWriteDeadline(time.Now()) })
	a.w.Header().Set("Content-Type", a.media)
	_, err := a.w.Write(a.held)
	a.held = nil
	return err
}

// finish sends the rest of an answer that is whole.
func (a *answerWriter) finish() error {
	err := a.start()
	if a.stop != nil {
		a.stop()
	}
	return a.failed(err)
}

// failed is what to do about an error that came while the answer was made.
func (a *answerWriter) failed(err error) error {
	if err == nil || !a.started {
		return err
	}
	return &errBrokenOff{err}
}

// quads writes quads as a whole answer. They may end early when the request
// does: what was written then is not the whole, and is broken off.
func (a *answerWriter) quads(format Format, quads iter.Seq[base.Quad], options rdf.WriteOptions) error {
	syntaxOf, _ := rdf.FormatOf(format.Media)
	options.Alive = a.alive
	err := rdf.Write(a, syntaxOf, quads, options)
	if cause := a.alive(); cause != nil {
		err = cause
	}
	if err != nil {
		return a.failed(err)
	}
	return a.finish()
}

// asText is a format of graphs with the type that it is sent as. A browser gets
// Turtle, which it shows as text.
func asText(f Format) (Format, string) {
	switch f {
	case Turtle, TriG:
		return f, f.Media + "; charset=utf-8"
	case HTML:
		return Turtle, "text/plain; charset=utf-8"
	}
	return f, f.Media
}

// keptPerQuad is what a serialiser keeps of each quad until it has seen all:
// those that group by subject cannot stream.
func keptPerQuad(f Format) int {
	switch f.Name {
	case Turtle.Name:
		return 400
	case JSONLD.Name:
		return 800
	}
	return 0
}
