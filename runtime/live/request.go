package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql"
)

// View is a graph at a position of the log, and what led to it.
type View struct {
	Position base.Position
	Graph    *rdf.Snapshot
	// Removed and Added are the difference from the view before, if Known.
	Removed, Added []base.Quad
	Known          bool
}

// Source is a graph that can be followed. Sources of equal names are the same.
type Source interface {
	Name() string
	// Follow begins at the present view and does not wait for anything. ctx ends
	// what it starts.
	Follow(ctx context.Context) (Tail, error)
}

// Tail walks over the views of a source. It may leave views out if it says that
// what came between is not Known. It is used by one goroutine.
type Tail interface {
	View() View
	// Next waits for the next view. Its error ends all live queries on the source.
	Next(ctx context.Context) (View, error)
}

// Sight is what a caller may read. Its methods only compute.
type Sight interface {
	// Key is equal for callers who may read the same graphs, present and future.
	Key() string
	// Reads reports whether a graph ("" is the one without a name) is part of the
	// default graph of the caller's dataset, and whether it is a named graph there.
	Reads(graph string) (inDefault, named bool)
}

// Request asks for a live query.
type Request struct {
	Source Source
	Sight  Sight
	Caller base.Ref // whose subscriptions are counted together
	Text   string
	Base   string // relative IRIs of the text are resolved against it
	// Endpoint is where the request came in, for the list of what runs.
	Endpoint string
	// Default and Named replace the dataset that the text describes, where there
	// is any of them (SPARQL 1.1 Protocol, section 2.1.4).
	Default, Named []string
	// After is the ID of the last event that the caller has seen, or "".
	After string
	// AtLeast is a position that the first event must not lie before.
	AtLeast base.Position
}

// key is what makes live queries one.
type key struct{ source, sight, text, base, dataset string }

func (r *Request) key() key {
	dataset := ""
	if len(r.Default)+len(r.Named) > 0 {
		dataset = fmt.Sprintf("%q %q", r.Default, r.Named)
	}
	return key{r.Source.Name(), r.Sight.Key(), r.Text, r.Base, dataset}
}

// tag is a short name of a key. As a part of an event's ID it shows whether a
// caller resumes what it has seen, and not another query or with other rights.
func (k key) tag() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", k))
	return hex.EncodeToString(sum[:6])
}

// id is the ID of an event: its position and what it is about.
func id(position base.Position, tag string) string { return position.String() + "." + tag }

// resumes reads the ID of an event. A bare position is believed to be about the
// query at hand.
func resumes(after, tag string) (base.Position, bool) {
	text, of, tagged := strings.Cut(after, ".")
	position, err := strconv.ParseUint(text, 10, 64)
	return base.Position(position), err == nil && (!tagged || of == tag)
}

// Bounds of what is kept for each query.
const (
	textBytes = 64 << 10
	patterns  = 256 // of a footprint; one of more is everything
)

// parse reads the query and refuses what cannot be kept up to date.
func (r *Request) parse() (*sparql.Query, sparql.Footprint, error) {
	if length := len(r.Text) + len(r.key().dataset); length > textBytes {
		return nil, sparql.Footprint{}, &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("a live query may have %d KiB with its graphs, this one has %d", textBytes>>10, length>>10)}
	}
	query, err := sparql.Parse(r.Text, sparql.Options{Base: r.Base})
	if err != nil {
		return nil, sparql.Footprint{}, err
	}
	if len(r.Default)+len(r.Named) > 0 {
		query = query.WithDataset(r.Default, r.Named)
	}
	footprint := query.Footprint()
	if footprint.Unsteady != "" {
		return nil, footprint, &base.Error{Code: base.Invalid, Detail: fmt.Sprintf(
			"a query with %s answers otherwise each time it runs, on the same data, so its changes say nothing; leave it out, or ask without text/event-stream", footprint.Unsteady)}
	}
	if len(footprint.Patterns) > patterns {
		footprint.Patterns = []sparql.Pattern{{}, {Named: true}}
	}
	return query, footprint, nil
}

// reads is the sight on the dataset of a query, its FROM and FROM NAMED applied
// (SPARQL 1.1, section 13.2).
func reads(s Sight, query *sparql.Query, graph string) (inDefault, named bool) {
	inDefault, named = s.Reads(graph)
	merged, among := query.From()
	if len(merged)+len(among) == 0 {
		return inDefault, named
	}
	readable := inDefault || named
	return readable && slices.Contains(merged, graph), readable && slices.Contains(among, graph)
}

// dataset is what a sight shows of a graph.
func dataset(s Sight, graph *rdf.Snapshot) sparql.Dataset {
	d := sparql.Dataset{Snapshot: graph}
	for id := range graph.Graphs() {
		inDefault, named := s.Reads(graph.Term(id).Value)
		if inDefault {
			d.Default = append(d.Default, id)
		}
		if named {
			d.Named = append(d.Named, id)
		}
	}
	return d
}
