package compaction_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/compaction"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/state"
)

// BenchmarkCompact drops what is superseded in one segment of 64 MiB. Run it with
// -benchtime=1x.
func BenchmarkCompact(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		l, err := eventlog.Open(eventlog.Config{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		for l.Compactable(time.Unix(1<<31, 0)) == 0 {
			h := l.Head()
			var events []*domain.Event
			for _, name := range []string{"pi-1", "pi-2", "pi-3"} {
				events = append(events, &domain.Event{Subject: node(name), Actor: "/nodes/pi-1", Correlation: "0197b1a2-0000-7def-8abc-000000000000", Previous: 1, Payload: &domain.NodeObserved{Status: observed(int64(h.Index)), Changed: []string{"/metrics"}}})
			}
			batch := []eventlog.Batch{{Count: 3, Time: time.Unix(int64(h.Index), 0), Payload: state.AppendBatch(nil, state.Batch{Events: events})}}
			if _, err := l.Append(h.Index+1, batch); err != nil {
				b.Fatal(err)
			}
		}
		through := l.Compactable(time.Unix(1<<31, 0))
		raw, _ := l.Size()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		if err := l.Compact(context.Background(), compaction.Through(through)); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		runtime.ReadMemStats(&after)
		left, archived := l.Size()
		b.ReportMetric(float64(through)/3, "batches")
		b.ReportMetric(float64(archived)/float64(raw-left)*100, "%size")
		b.ReportMetric(float64(after.HeapSys-before.HeapSys)/1e6, "MB-heap")
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
