package cli

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/runtime/lang"
)

// script is a server whose one resource goes through phases, one for each event
// that it tells. No kind of this release has a reconciler that could be run.
type script struct {
	phases []string
	asked  chan string // what the resource is asked for
}

func (s script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/events" {
		for i := range s.phases[1:] {
			fmt.Fprintf(w, "{\"id\":\"%d\",\"type\":\"X\",\"subject\":\"https://example.com/products/a/volumes/b\",\"time\":\"2026-01-01T00:00:00Z\"}\n", i+8)
		}
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	w.Header().Set("Picloud-Position", "7")
	fmt.Fprintf(w, `{"status":{"phase":%q,"reason":"no such image"}}`, <-s.asked)
}

func settleThrough(t *testing.T, limit time.Duration, phases ...string) error {
	t.Helper()
	s := script{phases, make(chan string, len(phases))}
	for _, phase := range phases {
		s.asked <- phase
	}
	server := httptest.NewTLSServer(s)
	t.Cleanup(server.Close)
	cluster, err := client.New(client.Config{
		Endpoints: []string{server.URL}, Domain: "example.com",
		CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	var out bytes.Buffer
	a := &App{Stdout: &out, Stderr: &out, Env: func(string) (string, bool) { return "", false }}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	attended := &base.Class{Word: "volume", Lifecycle: base.Reconciled, Reconciler: true}
	return a.settle(ctx, cluster, []*lang.Resource{
		{Class: attended, Address: base.Address{Ref: "/products/a/volumes/b"}},
		{Class: &base.Class{Word: "product"}, Address: base.Address{Ref: "/products/a"}},
	}, 7)
}

func TestWaitEndsWhenAllIsReady(t *testing.T) {
	for _, phases := range [][]string{{"ready"}, {"declared", "provisioning", "ready"}} {
		if err := settleThrough(t, time.Minute, phases...); err != nil {
			t.Errorf("%v: %v", phases, err)
		}
	}
}

func TestWaitEndsWithTheReasonOfAFailure(t *testing.T) {
	err := settleThrough(t, time.Minute, "declared", "failed")
	if err == nil || !strings.Contains(err.Error(), "/products/a/volumes/b failed: no such image") {
		t.Error(err)
	}
}

func TestWaitEndsWithItsTime(t *testing.T) {
	err := settleThrough(t, 300*time.Millisecond, "declared", "provisioning")
	var failed *base.Error
	if !errors.As(err, &failed) || failed.Code != base.Uncertain || failed.Detail != "1 resource did not settle in time" {
		t.Error(err)
	}
}
