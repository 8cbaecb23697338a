package node_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/node"
)

// BenchmarkStart is from nothing to a node that serves.
func BenchmarkStart(b *testing.B) {
	b.Run("fresh", func(b *testing.B) {
		for b.Loop() {
			measureStart(b, b.TempDir())
		}
	})
	b.Run("small", func(b *testing.B) {
		dir := b.TempDir()
		w := open(b, dir)
		w.do(product("photo"), volume("photo", "media", 1<<30), container("photo", "api", "/products/photo/volumes/media"))
		w.close()
		for b.Loop() {
			measureStart(b, dir)
		}
	})
}

func measureStart(b *testing.B, dir string) {
	b.StartTimer()
	n, err := node.Open(b.Context(), config(dir))
	b.StopTimer()
	if err != nil {
		b.Fatal(err)
	}
	if err := n.Close(); err != nil {
		b.Fatal(err)
	}
	b.StartTimer()
}

// BenchmarkStartOnManyEvents is a start on a log of 100,000 events about 1,000
// resources: from the checkpoint of an orderly end, and from nothing but the
// log.
func BenchmarkStartOnManyEvents(b *testing.B) {
	const resources, events = 1_000, 100_000
	dir := b.TempDir()
	w := open(b, dir)
	commands := []domain.Command{product("photo")}
	for i := 0; w.position() < events; i++ {
		for r := range resources - 1 {
			commands = append(commands, volume("photo", fmt.Sprintf("v%d", r), int64(i+1)<<20))
		}
		w.do(commands...)
		commands = nil
	}
	w.close()
	b.Run("checkpoint", func(b *testing.B) {
		for b.Loop() {
			measureStart(b, dir)
		}
	})
	b.Run("log", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			forget(b, dir)
			measureStart(b, dir)
		}
	})
}

// forget removes the checkpoint.
func forget(b *testing.B, dir string) {
	if err := os.Remove(filepath.Join(dir, "state.checkpoint")); err != nil {
		b.Fatal(err)
	}
}
