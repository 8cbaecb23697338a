package http

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what the edge counts.
type metrics struct {
	requests *prometheus.HistogramVec
	streams  prometheus.Gauge
	handler  http.Handler
}

func newMetrics(registry *prometheus.Registry) *metrics {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "picloud_http_request_duration_seconds", Help: "Time to answer a request.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"method", "status"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "picloud_event_streams", Help: "Clients that follow the events.",
		}),
		handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
	}
	registry.MustRegister(m.requests, m.streams)
	return m
}
