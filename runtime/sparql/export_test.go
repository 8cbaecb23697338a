package sparql

import (
	"math/rand/v2"

	"github.com/picloud/picloud/gen/base"
)

// Random is a random graph and a query about it, which need not be valid, for the
// tests outside of this package.
func Random(seed uint64) ([]base.Quad, string) {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 3))}
	return g.quads(), "PREFIX : <http://e/> " + g.query()
}
