package http_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	edge "github.com/picloud/picloud/runtime/http"
)

func TestReadinessSaysWhatTheNodeCanDo(t *testing.T) {
	full := false
	c := start(t, t.TempDir(), func(cfg *edge.Config) {
		cfg.Writable = func() error {
			if full {
				return errors.New("the disk is full up to its mark; free some space")
			}
			return nil
		}
	})
	if ready := c.json(c.want(200, c.do("GET", "/readyz", ""))); ready["reads"] != true || ready["writes"] != true || ready["position"] != float64(c.position()) {
		t.Error("ready:", ready)
	}
	full = true
	if ready := c.json(c.want(200, c.do("GET", "/readyz", ""))); ready["reads"] != true || ready["writes"] != false || !strings.Contains(ready["reason"].(string), "disk is full") {
		t.Error("with a full disk:", ready)
	}
	if got := c.do("GET", "/metrics", ""); !strings.Contains(got.body, "picloud_writable 0") {
		t.Error("the figures do not say that writes are refused")
	}
	c.want(200, c.do("GET", "/healthz", ""))
}

func TestFiguresTellOfKernelProcessAndRequests(t *testing.T) {
	c := photoApp(t)
	got := c.want(200, c.do("GET", "/metrics", ""))
	for _, want := range []string{
		"picloud_log_position " + c.position().String(), "picloud_view_position " + c.position().String(), "picloud_fold_lag_events 0", "picloud_writable 1",
		"picloud_log_bytes ", "picloud_log_archived_bytes 0", "picloud_log_written_bytes ", "picloud_log_written_bytes_per_day NaN", "picloud_written_bytes ",
		"picloud_resources ", "picloud_quads ", "picloud_event_streams 0", "picloud_queries 0", "go_goroutines ", "process_resident_memory_bytes ",
		`picloud_http_request_duration_seconds_count{method="POST",status="2xx"} 1`,
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("no %q", want)
		}
	}
	c.do("INVENTED", "/", "")
	if got := c.do("GET", "/metrics", ""); strings.Contains(got.body, "INVENTED") {
		t.Error("a client invents series")
	}
}

func TestTheLogTellsOfWritesAndNothingThatWasSent(t *testing.T) {
	var logged syncBuffer
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Logger = slog.New(slog.NewJSONHandler(&logged, nil)) })
	put := c.want(201, c.do("PUT", "/products/shop?x=query-text", `{"version":"1.0.0","description":"body-text"}`, "X-Header: header-text"))
	c.want(200, c.do("GET", "/products/shop", ""))
	c.want(200, c.do("POST", "/sparql", "ASK {}", sparqlBody))
	c.stop()
	lines := bytes.Split(bytes.TrimSpace(logged.b.Bytes()), []byte("\n"))
	if len(lines) != 1 {
		t.Fatalf("%d lines: %s", len(lines), logged.b.Bytes())
	}
	var line map[string]any
	if err := json.Unmarshal(lines[0], &line); err != nil {
		t.Fatal(err)
	}
	if line["method"] != "PUT" || line["path"] != "/products/shop" || line["status"] != 201.0 || line["request"] != put.Header.Get("Picloud-Request") {
		t.Error("logged:", line)
	}
	if strings.Contains(logged.b.String(), "-text") {
		t.Error("the log holds what was sent:", logged.b.String())
	}
}
