package membership

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/projection"
)

// Comparison tells whether all nodes that answer have the same history.
type Comparison struct {
	Position base.Position `json:"position"` // up to which all of them have it
	Equal    bool          `json:"equal"`    // nothing that was compared differs
	Complete bool          `json:"complete"` // every node was compared
	Nodes    []Compared    `json:"nodes"`
}

// Compared is what was found of one node.
type Compared struct {
	Name  string `json:"name"`
	Chain *Chain `json:"chain,omitempty"` // of its log at the common position; nil: it was not compared
	Equal bool   `json:"equal"`
	Fault string `json:"fault,omitempty"` // why it was not compared
	Since string `json:"since,omitempty"` // when the cluster took note that it does not answer
	// Position is where it made state and graph again from its log, if asked to.
	Position base.Position `json:"position,omitempty"`
	Model    string        `json:"model,omitempty"`
	Live     *Sums         `json:"live,omitempty"`
	Rebuilt  *Sums         `json:"rebuilt,omitempty"`
}

// Sums are digests of what a node keeps at a position.
type Sums struct {
	Chain    Chain `json:"chain"`
	State    Chain `json:"state"`
	Graph    Chain `json:"graph"`
	Datasets Chain `json:"datasets"`
}

func sumsOf(s projection.Sums) *Sums {
	return &Sums{Chain(s.Chain), Chain(s.State), Chain(s.Graph), Chain(s.Datasets)}
}

// rebuilt is what a node answers when it is asked to make everything again.
type rebuilt struct {
	Position base.Position `json:"position"`
	Model    string        `json:"model"`
	Live     *Sums         `json:"live"`
	Rebuilt  *Sums         `json:"rebuilt"`
}

const (
	chainPath  = "/peer/chain"
	verifyPath = "/peer/verify"
)

// Mount mounts what other nodes ask for this: how the node is, the chain digest
// of its log at a position, and all of it made again.
func (s *Surveyor) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+StatusPath, answer(func(*http.Request) (Status, error) { return s.Status(), nil }))
	mux.Handle("GET "+chainPath, answer(func(r *http.Request) (Chain, error) {
		at, err := strconv.ParseUint(r.URL.Query().Get("at"), 10, 64)
		if err != nil {
			return Chain{}, fmt.Errorf("at is no position")
		}
		digest, err := s.Log.DigestAt(at)
		return Chain(digest), err
	}))
	mux.Handle("GET "+verifyPath, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // the log may be long; who asks waits
		answer(func(*http.Request) (rebuilt, error) { return s.rebuild() }).ServeHTTP(w, r)
	}))
}

func (s *Surveyor) rebuild() (rebuilt, error) {
	live, again, err := s.Views.Verify(s.Log)
	if err != nil {
		return rebuilt{}, err
	}
	return rebuilt{live.Position, s.Status().Model, sumsOf(live), sumsOf(again)}, nil
}

// Compare compares the chain digests of all nodes' logs, up to the position that
// all that answer have. With rebuild each node also makes state and graph again
// from its log, one node after the other: it is work for each of them.
func (s *Surveyor) Compare(ctx context.Context, rebuild bool) Comparison {
	all := s.ask(ctx)
	c := Comparison{Equal: true, Complete: true, Nodes: make([]Compared, len(all))}
	for _, a := range all {
		if at := a.status.Position; a.err == nil && at > 0 && (c.Position == 0 || at < c.Position) {
			c.Position = at
		}
	}
	var first *Chain
	for i, a := range all {
		n := &c.Nodes[i]
		n.Name, n.Since = a.node.Ref.Name(), a.silentSince()
		err := a.err
		if err == nil {
			err = s.chain(ctx, a.node.Status.ID, c.Position, n)
		}
		if err == nil {
			first = cmp.Or(first, n.Chain)
			n.Equal = *n.Chain == *first
			if rebuild {
				err = s.again(ctx, a.node.Status.ID, n)
			}
		}
		if err != nil {
			n.Fault, n.Equal, c.Complete = a.plain(err), false, false
			continue
		}
		c.Equal = c.Equal && n.Equal
	}
	alike(c.Nodes, &c.Equal)
	return c
}

// chain asks a node for the digest of its log at a position.
func (s *Surveyor) chain(ctx context.Context, id string, at base.Position, n *Compared) error {
	var digest Chain
	err := s.fetch(ctx, id, chainPath+"?at="+strconv.FormatUint(uint64(at), 10), &digest, func() (err error) {
		own, err := s.Log.DigestAt(uint64(at))
		digest = Chain(own)
		return err
	})
	if err == nil {
		n.Chain = &digest
	}
	return err
}

// again lets a node make state and graph again.
func (s *Surveyor) again(ctx context.Context, id string, n *Compared) error {
	var r rebuilt
	if err := s.fetch(ctx, id, verifyPath, &r, func() (err error) {
		r, err = s.rebuild()
		return err
	}); err != nil {
		return err
	}
	if r.Live == nil || r.Rebuilt == nil {
		return fmt.Errorf("it answers without digests")
	}
	n.Position, n.Model, n.Live, n.Rebuilt = r.Position, r.Model, r.Live, r.Rebuilt
	n.Equal = n.Equal && *r.Live == *r.Rebuilt
	return nil
}

// alike compares nodes that made everything again at the same position by the
// same model.
func alike(nodes []Compared, equal *bool) {
	type place struct {
		position base.Position
		model    string
	}
	first := map[place]*Sums{}
	for i := range nodes {
		n := &nodes[i]
		if n.Live == nil {
			continue
		}
		at := place{n.Position, n.Model}
		same := cmp.Or(first[at], n.Live)
		first[at] = same
		if same.State != n.Live.State || same.Graph != n.Live.Graph {
			n.Equal, *equal = false, false
		}
	}
}

// fetch asks a node; this one directly.
func (s *Surveyor) fetch(ctx context.Context, id, path string, into any, own func() error) error {
	if id == s.Self {
		return own()
	}
	return fetch(ctx, s.Peers, id, path, into)
}
