package domain

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/payload"
	"github.com/picloud/picloud/gen/plan"
)

// inferencePath is the property that says what is concluded from a dataset.
const inferencePath = base.Ontology + "inference"

// datasetMembers are what a change of a dataset says, as event and as command.
func datasetMembers() []gocode.Member {
	return []gocode.Member{
		{Name: "Removed", Type: "[]byte", Doc: "Quads that left: canonical N-Quads, compressed by Zstandard; nil = none."},
		{Name: "Added", Type: "[]byte", Doc: "Quads that came, in the same form."},
		{Name: "Quads", Type: "int64", Doc: "How many the dataset then holds."},
	}
}

// quadsOf is the field that counts the quads of a kind's datasets, or nil.
func quadsOf(k *plan.Kind) *plan.Field {
	for _, f := range k.Observed {
		if f.Quads {
			return f
		}
	}
	return nil
}

// dataset writes what the kernel asks of a kind that holds datasets, and the
// command that changes one.
func dataset(f *gocode.File, k *plan.Kind, events payload.Of) {
	name, e := k.ChangeDataset, events.Dataset
	holds := fmt.Sprintf("Quads: base.OrZero(%s.Status.%s)", k.Receiver, quadsOf(k).Go)
	for _, field := range k.Declared {
		if field.IRI == inferencePath {
			holds += fmt.Sprintf(", Inference: string(%s.Spec.%s)", k.Receiver, field.Go)
		}
	}
	f.Doc("Dataset is what is known of the dataset of the " + k.Label + ".")
	f.Go("func (%s *%s) Dataset() Dataset { return Dataset{%s} }", k.Receiver, k.Go, holds)
	f.Line()
	f.Doc("ChangeDataset is the command that changes the dataset of the "+k.Label+", decided on", "its last event.")
	f.Func(fmt.Sprintf("(%s *%s) ChangeDataset(basis base.Position, removed, added []byte, quads int64) Command", k.Receiver, k.Go), func(b *gocode.Block) {
		b.Do("return &%s{Ref: %s.Ref, Basis: basis, Removed: removed, Added: added, Quads: quads}", name, k.Receiver)
	})
	f.Doc(name + " asks for a change of the dataset of " + k.Article + ".")
	f.Struct(name, append([]gocode.Member{
		{Name: "Ref", Type: "base.Ref"},
		{Name: "Basis", Type: "base.Position", Doc: "Of the last event of the " + k.Label + " that the change was worked out on."},
	}, datasetMembers()...))
	command(f, k, name, k.Word+":write", "", nil)
	f.Doc("Decide gives "+e.Go+", nothing for a change of nothing. A change that was", "worked out on what is no longer so is stale.")
	f.Func(fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", name), func(b *gocode.Block) {
		own(b, k)
		refuse(b, "now == nil", "missing(%s, c.Ref)", k.Const)
		if events.Deleting != nil {
			refuse(b, "now.Phase == PhaseDeleting", "beingDeleted(%s, c.Ref)", k.Const)
		}
		refuse(b, "now.Last != c.Basis", "moved(%s, &now.Head)", k.Const)
		nothing(b, "len(c.Removed) == 0 && len(c.Added) == 0")
		refuse(b, "len(c.Removed)+len(c.Added) > DatasetChangeMax", "tooLarge(%s, c.Ref, len(c.Removed)+len(c.Added))", k.Const)
		b.Do("return []Payload{&%s{Removed: c.Removed, Added: c.Added, Quads: c.Quads}}, nil", e.Go)
	})
	f.Doc("Change is what the event says of the dataset.")
	f.Go("func (p *%s) Change() (removed, added []byte, quads int64) { return p.Removed, p.Added, p.Quads }", e.Go)
	f.Line()
}
