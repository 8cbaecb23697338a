package http

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
		{"picloud_view_position", "Position that reads see.", func() float64 { return float64(s.views.View().Position) }},
		{"picloud_fold_lag_events", "Events in the log that reads do not see yet.", func() float64 {
			seen := float64(s.views.View().Position) // before the log, so that it is never negative
			return max(0, float64(s.events.Head().Position)-seen)
		}},
		{"picloud_resources", "Live resources.", func() float64 { return float64(s.views.View().State.Len()) }},
		{"picloud_quads", "Quads in the graph, with the ontology.", func() float64 { return float64(s.views.View().Graph.Len()) }},
		{"picloud_writable", "1 when writes are taken: a leader decides and the disk has room.", func() float64 {
			if s.ready().Writes {
				return 1
			}
			return 0
		}},
	}
}
