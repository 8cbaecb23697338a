package node_test

import (
	"context"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/node"
)

// await waits until readers see what holds.
func (w *whole) await(what string, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, superseded := w.Views().Changed()
		if holds() {
			return
		}
		select {
		case <-superseded:
		case <-ctx.Done():
			w.t.Fatalf("it never came about that %s", what)
		}
	}
}

func TestNodeCorrectsWhatIsSaidOfIt(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.Measure = 50 * time.Millisecond
	n, err := node.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &whole{n, t, cfg.Dir}
	t.Cleanup(w.close)
	const self base.Ref = "/nodes/pi-1"
	truth := w.get(self).(*domain.Node).Status
	wrong := truth
	wrong.Hostname = "elsewhere"
	r := request(&domain.ObserveNode{Ref: self, Status: wrong})
	r.Principal = command.Principal{Actor: self, Role: command.Platform}
	if answer := w.ask(r); answer.Events != 1 {
		t.Fatalf("the observation led to %d events", answer.Events)
	}
	w.await("the node says again what it is", func() bool {
		now := w.get(self).(*domain.Node).Status
		return now.Hostname == truth.Hostname
	})
	w.verified()
}

func TestReportLeavesTheCordon(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(&domain.DrainNode{Ref: "/nodes/pi-1"})
	w.restart()
	if cordoned := w.get("/nodes/pi-1").(*domain.Node).Status.Cordoned; cordoned == nil || !*cordoned {
		t.Error("a restart lifted the cordon")
	}
}
