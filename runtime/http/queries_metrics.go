package http

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/picloud/picloud/runtime/sparql/desk"
)

// queryMetrics are what is counted of queries and updates.
type queryMetrics struct {
	left   *prometheus.CounterVec
	took   *prometheus.HistogramVec
	waited prometheus.Histogram
}

func newQueryMetrics(registry *prometheus.Registry) *queryMetrics {
	buckets := []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30}
	m := &queryMetrics{
		left: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "picloud_queries_left_total", Help: "Queries that came to an end, by why: done, refused, waited (too long), left (its client), ended (by somebody), timeout, budget, failed.",
		}, []string{"kind", "reason"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "picloud_query_duration_seconds", Help: "Time of a query from its turn to its end.", Buckets: buckets,
		}, []string{"kind"}),
		waited: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "picloud_query_wait_seconds", Help: "Time that a query waited for its turn.", Buckets: buckets,
		}),
	}
	for _, kind := range []desk.Kind{desk.Query, desk.Update, desk.Live} {
		for _, reason := range desk.Reasons() { // a rate needs a beginning
			m.left.WithLabelValues(string(kind), string(reason))
		}
	}
	registry.MustRegister(m.left, m.took, m.waited)
	return m
}

// departed counts what leaves the desk.
func (m *queryMetrics) departed(d desk.Departure) {
	m.left.WithLabelValues(string(d.Kind), string(d.Reason)).Inc()
	m.waited.Observe(d.Waited.Seconds())
	if d.Took > 0 {
		m.took.WithLabelValues(string(d.Kind)).Observe(d.Took.Seconds())
	}
}

// newDesk makes the desk of a node, whose departures are counted.
func newDesk(cfg desk.Config, registry *prometheus.Registry) *desk.Desk {
	m, outer := newQueryMetrics(registry), cfg.Departed
	cfg.Departed = func(d desk.Departure) {
		m.departed(d)
		if outer != nil {
			outer(d)
		}
	}
	return desk.New(cfg)
}
