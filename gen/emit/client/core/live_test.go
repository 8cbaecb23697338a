package client

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

func TestALiveQueryResumesAndEnds(t *testing.T) {
	var resumed []string
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		resumed = append(resumed, r.Header.Get("Last-Event-ID"))
		switch len(resumed) {
		case 1:
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, ":\n\nid: 1.a\nevent: rows\ndata: {\"position\":1,\"head\":{\"vars\":[\"x\"]},\"results\":{\"bindings\":[{}]}}\n\n")
			fmt.Fprint(w, "id: 2.a\nevent: change\ndata: {\"position\":2,\"rem") // the connection is lost
		case 2:
			refuse(w, base.Unavailable)
		case 3:
			fmt.Fprint(w, "id: 2.a\nevent: change\ndata: {\"position\":2,\"removed\":[{}],\"added\":[]}\n\n")
			fmt.Fprintf(w, "event: end\ndata: {\"type\": %q, \"detail\": \"revoked\"}\n\n", base.Unauthenticated.IRI())
		}
	})
	var got []string
	for e, err := range c.Watch(t.Context(), "/sparql", "ASK {}") {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, fmt.Sprintf("%d %t %d %d %s", e.Position, e.Whole, len(e.Results.Bindings), len(e.Removed), e.ID))
	}
	if want := "[1 true 1 0 1.a 2 false 0 1 2.a revoked]"; fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if fmt.Sprintf("%q", resumed) != `["" "1.a" "1.a"]` {
		t.Errorf("it resumed behind %q", resumed)
	}
}

func TestALiveQueryThatIsRefusedEnds(t *testing.T) {
	_, c := cluster(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, base.Invalid) })
	count := 0
	for _, err := range c.Watch(t.Context(), "/sparql", "ASK {}") {
		if count++; err == nil {
			t.Error("no error")
		}
	}
	if count != 1 {
		t.Errorf("%d events", count)
	}
}

func TestWhoHasEnoughOfALiveQueryLeaves(t *testing.T) {
	_, c := cluster(t, func(w http.ResponseWriter, r *http.Request) {
		for i := 1; r.Context().Err() == nil; i++ {
			if _, err := fmt.Fprintf(w, "id: %d\nevent: change\ndata: {\"position\":%d}\n\n", i, i); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	count := 0
	for range c.Watch(ctx, "/sparql", "ASK {}") {
		if count++; count == 3 {
			break
		}
	}
	if count != 3 {
		t.Error(count)
	}
}
