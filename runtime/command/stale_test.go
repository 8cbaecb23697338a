package command_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/node"
	"github.com/picloud/picloud/runtime/state"
)

// intrude writes one event past the front door, as another leader would have:
// whatever the door has decided meanwhile stands on a history that is none.
func intrude(n *node.Node, name string) error {
	leadership, _ := n.Consensus().Leadership()
	payload := state.AppendBatch(nil, state.Batch{Events: []*domain.Event{{
		Subject: base.Ref("/products/" + name), Actor: "/nodes/pi-2", Correlation: "other",
		Payload: &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}},
	}}})
	return n.Consensus().Submit(consensus.Batch{
		Term: leadership.Term, Basis: n.Events().Head().Position, Time: n.Consensus().Now().Truncate(time.Millisecond),
		Count: 1, Payload: payload,
	}).Err()
}

func TestStaleDecisionsAreMadeAgainAndNeverLeave(t *testing.T) {
	n, _ := start(t)
	must(t, n, request(product("photo")))
	const writers, each = 6, 60
	stop, intruded := make(chan struct{}), make(chan int)
	go func() {
		done := 0
		for i := 0; ; i++ {
			select {
			case <-stop:
				intruded <- done
				return
			case <-time.After(2 * time.Millisecond):
			}
			switch err := intrude(n, fmt.Sprintf("other-%d", i)); {
			case err == nil:
				done++
			case !errors.Is(err, consensus.ErrStale): // the door was faster
				t.Error(err)
			}
		}
	}()
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				ref := base.Ref(fmt.Sprintf("/products/photo/volumes/v%d-%d", w, i))
				answer, err := n.Door().Do(t.Context(), request(volume("photo", ref.Name(), 1<<30)))
				if err != nil {
					t.Errorf("%s: %v", ref, err)
					continue
				}
				if got := n.Views().View().State.Get(ref); got == nil || got.Common().Revision != answer.Position {
					t.Errorf("%s was answered at position %d and stands as %+v", ref, answer.Position, got)
				}
				if _, err := n.Door().Do(t.Context(), request(volume("photo", ref.Name(), 1<<30))); err != nil { // writes nothing
					t.Errorf("%s again: %v", ref, err)
				}
			}
		})
	}
	group.Wait()
	close(stop)
	done := <-intruded
	live, rebuilt, err := n.Views().Verify(n.Events())
	if err != nil || live != rebuilt {
		t.Errorf("readers see %+v, the log makes %+v, %v", live, rebuilt, err)
	}
	if done == 0 {
		t.Skip("the door was faster each time: nothing came between, so nothing was shown")
	}
	t.Logf("%d events came between", done)
}
