package http

import (
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/picloud/picloud/runtime/eventlog"
)

// metrics are what the edge counts, and how to read everything that is counted.
type metrics struct {
	requests *prometheus.HistogramVec
	handler  http.Handler
}

func (s *Server) newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "picloud_http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"method", "status"}),
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}
	registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, g := range s.gauges() {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: g.name, Help: g.help}, g.value))
	}
	return m
}

// gauge is a figure that is looked up when it is asked for.
type gauge struct {
	name, help string
	value      func() float64
}

// gauges are figures of the kernel, seen from outside.
func (s *Server) gauges() []gauge {
	written := &eventlog.Flow{}
	return []gauge{
		{"picloud_event_streams", "Clients that follow the events.", func() float64 { return float64(len(s.follows)) }},
		{"picloud_queries", "Queries and updates that run.", func() float64 { running, _ := s.desk.Count(); return float64(running) }},
		{"picloud_queries_waiting", "Queries and updates that wait for their turn.", func() float64 { _, waiting := s.desk.Count(); return float64(waiting) }},
		{"picloud_query_memory_bytes", "Memory that the queries that run keep.", func() float64 { return float64(s.desk.Memory()) }},
		{"picloud_live_subscriptions", "Clients that follow a live query.", func() float64 { return float64(s.live.Stats().Subscriptions) }},
		{"picloud_live_queries", "Distinct live queries that somebody follows.", func() float64 { return float64(s.live.Stats().Queries) }},
		{"picloud_live_runs", "How often live queries ran.", func() float64 { return float64(s.live.Stats().Runs) }},
		{"picloud_live_bytes", "Bytes of the rows that live queries keep.", func() float64 { return float64(s.live.Stats().Bytes) }},
		{"picloud_log_position", "Position of the last event in the log.", func() float64 { return float64(s.events.Head().Position) }},
		{"picloud_log_bytes", "Disk that segments of the event log take as they are.", func() float64 { raw, _ := s.events.Size(); return float64(raw) }},
		{"picloud_log_archived_bytes", "Disk that compressed segments of the event log take.", func() float64 { _, archived := s.events.Size(); return float64(archived) }},
		{"picloud_log_written_bytes", "Bytes that the event log wrote since the start.", func() float64 { return float64(s.events.Written()) }},
		{"picloud_log_written_bytes_per_day", "Bytes that the event log writes in a day, by the last day or the time since the start; NaN before ten minutes.", func() float64 {
			return float64OrNaN(s.events.Daily(time.Now()))
		}},
		{"picloud_written_bytes", "Bytes that the process sent to the storage since its start, Raft's log and checkpoints among them; NaN where the system does not count.", func() float64 {
			return float64OrNaN(processWritten())
		}},
		{"picloud_written_bytes_per_day", "The same in a day.", func() float64 {
			count, ok := processWritten()
			if !ok {
				return math.NaN()
			}
			return float64OrNaN(written.Daily(time.Now(), count))
		}},
		{"picloud_view_position", "Position that reads see.", func() float64 { return float64(s.views.State().Position) }},
		{"picloud_fold_lag_events", "Events in the log that reads do not see yet.", func() float64 {
			seen := float64(s.views.State().Position) // before the log, so that it is never negative
			return max(0, float64(s.events.Head().Position)-seen)
		}},
		{"picloud_resources", "Live resources.", func() float64 { return float64(s.views.State().Len()) }},
		{"picloud_quads", "Quads in the graph, with the ontology.", func() float64 { return float64(s.views.View().Graph.Len()) }},
		{"picloud_writable", "1 when writes are taken: a leader decides and the disk has room.", func() float64 {
			if s.ready().Writes {
				return 1
			}
			return 0
		}},
	}
}

func float64OrNaN(count int64, ok bool) float64 {
	if !ok {
		return math.NaN()
	}
	return float64(count)
}

// processWritten is how many bytes the process made the kernel send to the storage
// layer (proc(5), /proc/pid/io, write_bytes).
func processWritten() (count int64, ok bool) {
	content, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(content)) {
		if text, found := strings.CutPrefix(line, "write_bytes: "); found {
			count, err = strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			return count, err == nil
		}
	}
	return 0, false
}
