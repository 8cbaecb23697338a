package http

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/projection"
	"github.com/picloud/picloud/runtime/sparql"
	"github.com/picloud/picloud/runtime/state"
)

// platform is the endpoint of the platform's own graphs: of all, or of those of
// the product in the path.
type platform struct{ s *Server }

func (p platform) see(w http.ResponseWriter, r *http.Request) (base.Position, sparql.Dataset, error) {
	view, err := p.s.view(w, r)
	if err != nil {
		return 0, sparql.Dataset{}, err
	}
	product, err := productAt(r, view.State)
	if err != nil {
		return 0, sparql.Dataset{}, err
	}
	return view.Position, p.s.dataset(principalOf(r), view, product), nil
}

func (platform) mayUpdate(*http.Request) error { return errNoUpdate }

func (platform) update(http.ResponseWriter, *http.Request, sparqlRequest) error { return errNoUpdate }

var errNoUpdate = &base.Error{
	Code:   base.Forbidden,
	Detail: "the platform's graphs follow from the event log and take no update; change the resource instead (PUT, PATCH, POST /apply), and the graph follows",
}

// productAt is the product that an address is below, "" without one.
func productAt(r *http.Request, now *state.State) (base.Ref, error) {
	name := r.PathValue("product")
	if name == "" {
		return "", nil
	}
	product := base.Ref("/products/" + name)
	if now.Get(product) == nil {
		return "", &base.Error{Code: base.NotFound, Ref: product, Detail: fmt.Sprintf("there is no product at %s", product)}
	}
	return product, nil
}

// dataset is what a principal may ask about: every graph that they may read,
// and no other. With a product it is that product's graphs alone.
func (s *Server) dataset(principal command.Principal, view projection.View, product base.Ref) sparql.Dataset {
	d := sparql.Dataset{Snapshot: view.Graph}
	for id := range view.Graph.Graphs() {
		inDefault, named := s.reads(principal, product, view.Graph.Term(id).Value)
		if inDefault {
			d.Default = append(d.Default, id)
		}
		if named {
			d.Named = append(d.Named, id)
		}
	}
	return d
}

// reads reports whether a graph is part of the default graph that a principal
// asks, and whether it is a named graph there.
func (s *Server) reads(principal command.Principal, product base.Ref, graph string) (inDefault, named bool) {
	path, own := strings.CutPrefix(graph, s.root)
	switch {
	case graph == vocabulary || graph == metaVocabulary:
		return false, true
	case !own || product != "" && !strings.HasPrefix(path, string(product)+"/graph"):
		return false, false
	case !s.door.MayReadGraph(principal, path):
		return false, false
	}
	return !strings.HasSuffix(path, "/events"), true
}

// The named graphs of the ontology: names, equal on every cluster.
const (
	vocabulary     = "https://picloud.local/ontology"
	metaVocabulary = "https://picloud.local/ontology/meta"
)

func (platform) describe(d *description) {
	// The default graph is the merge of all graphs that the caller may read, but
	// for what is noted of events.
	d.all(sd+"feature", sd, "UnionDefaultGraph")
}

func (platform) examples() []example {
	return []example{
		{"What there is, and how much of it is ready.", firstQuery},
		{"What is not ready, and why.", `PREFIX pc: <https://picloud.local/ontology#>

SELECT ?resource ?phase ?reason
WHERE { ?resource pc:phase ?phase OPTIONAL { ?resource pc:reason ?reason } FILTER(?phase != pc:Ready) }
ORDER BY ?resource LIMIT 100
`},
		{"All that is known of the products.", `PREFIX pc: <https://picloud.local/ontology#>

CONSTRUCT { ?product ?property ?value } WHERE { ?product pc:kind pc:Product ; ?property ?value }
`},
	}
}
