package eventlog_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// BenchmarkArchive compresses one segment of 64 MiB of observations such as the
// platform writes. Run it with -benchtime=1x.
func BenchmarkArchive(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		l := open(b, eventlog.Config{Dir: b.TempDir()})
		for l.Compactable(time.Unix(1<<31, 0)) == 0 {
			h := l.Head()
			p := fmt.Appendf(nil, `{"events":[{"t":"NodeObserved","s":"/nodes/pi-%d","a":"/nodes/pi-1","c":"0197b1a2-%04x-7def-8abc-%012x","b":%d,"d":{"changed":["/metrics"],"hostname":"pi","addresses":["10.0.0.%d"],"metrics":{"cpuUsed":0.%03d,"memoryUsed":%d,"diskUsed":%d,"temperature":%d.5,"measuredAt":"2026-11-23T05:%02d:%02dZ"}}}]}`,
				h.Index%3, h.Index%65536, h.Index*7919, h.Position-3, h.Index%250, h.Index%1000, h.Index*4099%(1<<32), h.Index*8191%(1<<36), 40+h.Index%30, h.Index/4%60, h.Index*15%60)
			if _, err := l.Append(h.Index+1, []eventlog.Batch{{Count: 1, Time: time.Unix(int64(h.Index), 0), Payload: p}}); err != nil {
				b.Fatal(err)
			}
		}
		raw, _ := l.Size()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		b.StartTimer()
		if err := l.Archive(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		runtime.ReadMemStats(&after)
		left, archived := l.Size()
		b.ReportMetric(float64(archived)/float64(raw-left)*100, "%size")
		b.ReportMetric(float64(after.HeapSys-before.HeapSys)/1e6, "MB-heap")
		b.StartTimer()
	}
}
