package node

import (
	"context"
	"iter"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
)

// concluded reports whether a graph of a dataset holds what is inferred from
// another one of it.
func concluded(graph base.Term) bool {
	return graph.Kind == base.IRITerm && strings.HasSuffix(graph.Value, "/inferred")
}

// reason gives what draws conclusions from the dataset of a resource.
func (n *Node) reason(ref base.Ref, inference string) (dataset.Reasoner, error) {
	r, err := n.Reasoner(ref, inference)
	if r == nil {
		return nil, err
	}
	return reasoner{r}, nil
}

// Reasoner makes a reasoner like the one that draws conclusions from the dataset
// of a resource, by the token of its inference. It holds nothing yet. Nil without
// an error: nothing is to be concluded.
func (n *Node) Reasoner(ref base.Ref, inference string) (*reasoning.Reasoner, error) {
	profile, err := reasoning.ParseProfile(inference)
	if profile == reasoning.None {
		return nil, err
	}
	return reasoning.New(reasoning.Config{
		Profile: profile, Authority: authority(n.Root(), ref), Skip: concluded,
		Inferred: reasoning.InferredGraph(ref.Absolute(n.Root()) + "/graph"),
	}), nil
}

// axioms are what the ontology says about properties. That classes are below
// others is no part of it: the classes of each resource are generated.
func axioms(ontology []base.Quad) (quads []base.Quad) {
	const owl = "http://www.w3.org/2002/07/owl#"
	for _, q := range ontology {
		switch {
		case q.P.Value == base.RDFS+"subPropertyOf", q.P.Value == owl+"inverseOf",
			q.P.Value == base.RDFType && (q.O.Value == owl+"TransitiveProperty" || q.O.Value == owl+"SymmetricProperty"):
			quads = append(quads, q)
		}
	}
	return quads
}

// authority keeps a product's data from defining what the platform, the
// cluster's resources or another product's terms are.
func authority(root string, ref base.Ref) reasoning.Authority {
	own, document := ref.Product().Absolute(root)+"/", ref.Absolute(root)
	return func(iri string) string {
		switch {
		case iri == document, strings.HasPrefix(iri, document+"#"), strings.HasPrefix(iri, document+"/"):
			return ""
		case strings.HasPrefix(iri, base.Ontology), strings.HasPrefix(iri, base.Meta):
			return "the platform"
		case strings.HasPrefix(iri, own):
			return ""
		case strings.HasPrefix(iri, root+"/products/"):
			return "another product"
		case strings.HasPrefix(iri, root+"/"):
			return "the cluster"
		}
		return ""
	}
}

// reasoner is a reasoning.Reasoner as datasets use it.
type reasoner struct{ *reasoning.Reasoner }

func (r reasoner) Load(ctx context.Context, asserted *rdf.Snapshot) (iter.Seq[base.Quad], error) {
	err := r.Reasoner.Load(ctx, asserted)
	return r.All(), err
}

func (r reasoner) Apply(ctx context.Context, removed, added []base.Quad) (gone, come []base.Quad, err error) {
	d, err := r.Reasoner.Apply(ctx, removed, added)
	return d.Removed, d.Added, err
}
