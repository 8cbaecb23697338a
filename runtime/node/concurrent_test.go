package node_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
)

func TestConcurrentWritersAreDecidedOneAfterTheOther(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	const writers, rounds = 16, 20
	var created, replayed atomic.Int64
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range rounds {
				// All writers race to create the same volume …
				r := request(volume("photo", fmt.Sprintf("shared-%d", i), 1<<30))
				r.If = command.Precondition{Absent: true}
				_, err := w.try(r)
				var refusal *base.Error
				switch {
				case err == nil:
					created.Add(1)
				case !errors.As(err, &refusal) || refusal.Code != base.Stale:
					t.Errorf("writer %d: %v", writer, err)
				}
				// … and to repeat the same request under one key.
				r = request(volume("photo", fmt.Sprintf("keyed-%d", i), 1<<30))
				r.Key = key(fmt.Sprint(i), "")
				answer, err := w.try(r)
				if err != nil {
					t.Errorf("writer %d: %v", writer, err)
				}
				if answer.Replayed {
					replayed.Add(1)
				}
				// Read your writes: an answer is out only after it is published.
				if w.Views().View().Position < answer.Position {
					t.Errorf("answered at %d, readers see %d", answer.Position, w.position())
				}
			}
		})
	}
	group.Wait()
	if created.Load() != rounds || replayed.Load() != rounds*(writers-1) {
		t.Errorf("%d created, want %d; %d replayed, want %d", created.Load(), rounds, replayed.Load(), rounds*(writers-1))
	}
	w.verified()
}

func TestReferenceAndDeletionNeverPassEachOther(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	const media base.Ref = "/products/photo/volumes/media"
	for range 30 {
		w.do(volume("photo", "media", 1<<30))
		var group sync.WaitGroup
		group.Go(func() { _, _ = w.try(request(container("photo", "api", media))) })
		group.Go(func() { _, _ = w.try(request(&domain.DeleteVolume{Ref: media})) })
		group.Wait()
		if w.get("/products/photo/containers/api") == nil {
			continue
		}
		if w.get(media) == nil {
			t.Fatal("the container refers to a volume that is gone")
		}
		w.do(&domain.DeleteContainer{Ref: "/products/photo/containers/api"})
	}
	w.verified()
}

func TestClosingNodeAnswersEveryRequest(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	var group sync.WaitGroup
	var acknowledged sync.Map
	node := w.Node
	started := make(chan struct{}, 64)
	for writer := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("v-%d-%d", writer, i)
				answer, err := node.Door().Do(t.Context(), request(volume("photo", name, 1<<30)))
				if err != nil {
					var refusal *base.Error
					if !errors.As(err, &refusal) || refusal.Code != base.Unavailable && refusal.Code != base.Uncertain {
						t.Errorf("the end of the node is told as %v", err)
					}
					return
				}
				acknowledged.Store(name, answer.Position)
				select {
				case started <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 32 {
		<-started
	}
	w.close()
	group.Wait()
	w.open()
	acknowledged.Range(func(name, position any) bool {
		if got := w.get(base.Ref("/products/photo/volumes/" + name.(string))); got == nil || got.Common().Revision != position {
			t.Errorf("%s was acknowledged at %d and is %v", name, position, got)
		}
		return true
	})
	w.verified()
}
