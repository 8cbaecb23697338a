package catchup_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/eventlog"
)

// BenchmarkMillionEvents brings an empty log up by 1 M events of 256 bytes, one a
// batch: run it with -benchtime=1x.
func BenchmarkMillionEvents(b *testing.B) {
	const events = 1_000_000
	source := openLog(b, b.TempDir(), 0)
	for source.Head().Position < events {
		h := source.Head()
		batches := make([]eventlog.Batch, 100)
		for i := range batches {
			payload := fmt.Appendf(nil, `{"events":[{"subject":"/products/shop/volumes/v%d","n":%d,"pad":"`, i, h.Position)
			batches[i] = eventlog.Batch{Count: 1, Time: time.Unix(int64(h.Index), 0), Payload: append(payload, bytes.Repeat([]byte("x"), 256-len(payload))...)}
		}
		for i := range batches { // one Raft entry each
			if _, err := source.Append(h.Index+uint64(i)+1, batches[i:i+1]); err != nil {
				b.Fatal(err)
			}
		}
	}
	peer := member(b, catchup.Handler(source))
	for b.Loop() {
		target := openLog(b, b.TempDir(), 0)
		pull := puller(b, target, peer)
		start := time.Now()
		if err := pull.To(minute(b), events); err != nil {
			b.Fatal(err)
		}
		if err := target.Sync(); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		b.ReportMetric(float64(pull.Bytes())/1e6, "MB")
		b.ReportMetric(events/took.Seconds(), "events/s")
	}
}
