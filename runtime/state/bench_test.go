package state

import (
	"fmt"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// many is a state of as many secrets.
func many(n int) *State {
	c := newChain()
	c.product("photo")
	for i := range n {
		c.secret("photo", fmt.Sprintf("s%d", i))
	}
	return c.State()
}

// BenchmarkTrial is what a request costs beside its decision: two copies of the
// state, and the nodes of the trees that one event changes.
func BenchmarkTrial(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		s := many(n)
		b.Run(fmt.Sprintf("resources=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			e := &domain.Event{
				Position: s.Position + 1, Time: s.Time + 1, Actor: "/tokens/admin", Subject: "/products/photo/secrets/s50",
				Payload: &domain.SecretChanged{Spec: domain.SecretSpec{Value: base.Sensitive{Sealed: []byte("x"), Fingerprint: "x"}}, Changed: []string{"/value"}},
			}
			for b.Loop() {
				trial := s.Build().Peek().Build()
				if change := trial.Fold(e); change.Fault != nil {
					b.Fatal(change.Fault)
				}
			}
		})
	}
}

func BenchmarkDigest(b *testing.B) {
	s := many(10_000)
	for b.Loop() {
		s.Digest()
	}
}
