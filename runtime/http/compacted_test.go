package http_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/eventlog"
	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/state"
)

// An event that compaction dropped is gone; histories and streams go on round it.
func TestDroppedEventIsGoneAndTheRestIsThere(t *testing.T) {
	log, err := eventlog.Open(eventlog.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c := start(t, t.TempDir(), func(cfg *edge.Config) { cfg.Events = log })
	var at []string
	for i := range 3 {
		answer := c.do(http.MethodPut, "/products/shop", fmt.Sprintf(`{"version":"1.0.%d"}`, i))
		if answer.StatusCode/100 != 2 {
			t.Fatal(answer.Status, answer.body)
		}
		at = append(at, answer.Header.Get("Picloud-Position"))
	}
	// The log of a node that compacted the second one away.
	for b, err := range c.node.Events().Read(0) {
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(b.First) == at[1] {
			decoded, err := state.DecodeBatch(base.Position(b.First), base.TimeOf(b.Time), b.Payload)
			if err != nil {
				t.Fatal(err)
			}
			b.Dropped, b.Payload = true, state.AppendLeft(nil, decoded)
		}
		if _, err := log.Append(b.Index, []eventlog.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	if answer := c.do(http.MethodGet, "/events/"+at[1], ""); answer.StatusCode != http.StatusGone || !strings.Contains(answer.body, "superseded") {
		t.Error(answer.Status, answer.body)
	}
	page := c.do(http.MethodGet, "/products/shop", "", "Accept: text/html")
	for i, there := range []bool{true, false, true} {
		if strings.Contains(page.body, "/events/"+at[i]+`"`) != there {
			t.Errorf("the page tells of the event at %s: %t", at[i], !there)
		}
	}
	stream := c.do(http.MethodGet, "/events?after=0&follow=false&subject=/products/shop", "", "Accept: application/x-ndjson")
	if n := strings.Count(strings.TrimSpace(stream.body), "\n"); n != 1 || !strings.Contains(stream.body, "1.0.2") || strings.Contains(stream.body, "1.0.1") {
		t.Errorf("%d lines more: %s", n, stream.body)
	}
}
