package eventlog_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/disk/faulty"
	"github.com/picloud/picloud/runtime/eventlog"
)

// Whatever another node sends: it is the continuation of the log, or an error.
func FuzzStream(f *testing.F) {
	start := eventlog.Head{Time: time.Unix(0, 0).UTC()}
	l := mustOpen(f, eventlog.Config{Dir: "/log", SegmentBytes: 400, FS: faulty.New(rand.New(rand.NewPCG(1, 2)))})
	for range 6 {
		entry(f, l, 1, 2)
	}
	f.Add(raw(f, l))
	if _, err := l.BeginGeneration(1); err != nil {
		f.Fatal(err)
	}
	entry(f, l, 1)
	f.Add(raw(f, l))
	f.Fuzz(func(t *testing.T, content []byte) {
		s := eventlog.NewStream(bytes.NewReader(content), start)
		at := uint64(0)
		for {
			batches, err := s.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, eventlog.ErrStream) {
					t.Fatal(err)
				}
				return
			}
			for _, b := range batches {
				if b.First <= at {
					t.Fatalf("position %d after %d", b.First, at)
				}
				at = b.Last()
			}
		}
	})
}
