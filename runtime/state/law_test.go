package state

import (
	"fmt"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/disk"
)

// history draws a batch a position, of a few resources that come, change and
// go; some events fit, some do not.
func history(t *rapid.T) (batches []Batch) {
	names := rapid.SampledFrom([]string{"a", "b", "c"})
	position := base.Position(0)
	for range rapid.IntRange(1, 30).Draw(t, "batches") {
		var b Batch
		for range rapid.IntRange(1, 3).Draw(t, "events") {
			position++
			product := base.Ref("/products/" + names.Draw(t, "product"))
			secret := product + base.Ref("/secrets/"+names.Draw(t, "secret"))
			sealed := base.Sensitive{Sealed: []byte{byte(position)}, Fingerprint: fmt.Sprint(position)}
			e := &domain.Event{Position: position, Time: base.Time(position * 1000), Actor: "/tokens/admin", Correlation: "c"}
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				e.Subject, e.Payload = product, &domain.ProductDeclared{Spec: domain.ProductSpec{Version: "1.0.0"}}
			case 1:
				e.Subject, e.Payload = product, &domain.ProductDeleted{}
			case 2:
				e.Subject, e.Payload = secret, &domain.SecretDeclared{Spec: domain.SecretSpec{Value: sealed}}
			case 3:
				e.Subject, e.Payload = secret, &domain.SecretChanged{Spec: domain.SecretSpec{Value: sealed}, Changed: []string{"/value"}}
			case 4:
				e.Subject, e.Payload = secret, &domain.SecretDeleted{}
			}
			b.Events = append(b.Events, e)
		}
		if rapid.Bool().Draw(t, "keyed") {
			b.Receipt = &Receipt{Key: [32]byte{byte(position % 5)}, Status: 200, Position: position, Time: base.Time(position * 1000)}
		}
		batches = append(batches, b)
	}
	return batches
}

func foldAll(b *Builder, batches []Batch) *State {
	for _, batch := range batches {
		last := batch.Events[len(batch.Events)-1]
		b.FoldBatch(batch, Head{Position: last.Position, Time: last.Time}, nil)
	}
	return b.State()
}

// Whatever the history, and wherever it is cut: folding the first part, going
// through a checkpoint, and folding the rest is folding all.
func TestFoldOfAPrefixThenTheRestIsTheFoldOfAll(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		batches := history(t)
		all := foldAll(New().Build(), batches)
		cut := rapid.IntRange(0, len(batches)).Draw(t, "cut")
		prefix := foldAll(New().Build(), batches[:cut])
		path := filepath.Join(dir, "checkpoint")
		if err := prefix.WriteCheckpoint(disk.OS(), path, "m"); err != nil {
			t.Fatal(err)
		}
		read, err := ReadCheckpoint(disk.OS(), path, "m")
		if err != nil {
			t.Fatal(err)
		}
		for _, begin := range []*State{prefix, read} {
			if rest := foldAll(begin.Build(), batches[cut:]); rest.Digest() != all.Digest() || rest.Head != all.Head {
				t.Fatalf("cut at %d of %d batches it is another state", cut, len(batches))
			}
		}
	})
}
