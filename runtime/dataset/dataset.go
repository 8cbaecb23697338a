package dataset

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/rdf"
)

// Config says where datasets come from.
type Config struct {
	// Dir holds the images; "" keeps none.
	Dir string
	// Log has the changes that are neither in an image nor waiting in memory.
	Log *eventlog.Log
	// Reason gives what draws conclusions from a dataset, by the token of its
	// inference; a nil Reasoner draws none. Nil: nothing is ever concluded.
	Reason func(ref base.Ref, inference string) (Reasoner, error)
	// Concluded reports whether a graph of a dataset holds conclusions. Nil: none does.
	Concluded func(graph base.Term) bool
	// Waiting is how many bytes of packed changes may wait in memory, all
	// datasets together. 0 means 64 MiB.
	Waiting int
	// Logger; nil discards.
	Logger *slog.Logger

	until map[base.Ref]base.Position // of a shadow: the last event of each that counts
}

// Reasoner keeps what follows from one dataset. It is used by one goroutine,
// and two of all are at work at once: each may need its limit of memory. It
// ends soon after its context.
type Reasoner interface {
	// Load takes in a whole dataset without conclusions, once and first, and
	// yields what follows.
	Load(ctx context.Context, asserted *rdf.Snapshot) (come iter.Seq[base.Quad], err error)
	// Apply takes in a change of what is asserted and gives the change of what
	// follows. The error, here as in Load, says why nothing follows at present;
	// what is given is right nevertheless.
	Apply(ctx context.Context, removed, added []base.Quad) (gone, come []base.Quad, err error)
}

// ErrNone says that a resource holds no dataset, or that there is none.
var ErrNone = errors.New("there is no such dataset")

// ErrClosed says that the datasets are closed.
var ErrClosed = errors.New("the datasets are closed")

// Datasets are all datasets of a node. Fold and Reach belong to one goroutine,
// all else is safe for concurrent use. Close ends it.
type Datasets struct {
	cfg     Config
	codec   *Codec
	ctx     context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup
	saving  sync.Mutex // one Save or Sweep at a time
	// unpacking has room for the large changes that are unpacked at once.
	unpacking chan struct{}
	// reasoning has room for the datasets that draw conclusions at once.
	reasoning chan struct{}

	mu      sync.Mutex
	head    base.Position // that the fold has reached
	reached chan struct{} // closed when it moves; nil when nobody waits
	least   base.Position // that every view is of
	sets    map[base.Ref]*set
	waiting int // bytes of changes in memory
	closed  bool
}

// New makes datasets that hold nothing.
func New(cfg Config) (*Datasets, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Waiting == 0 {
		cfg.Waiting = 64 << 20
	}
	codec, err := NewCodec()
	if err != nil {
		return nil, err
	}
	d := &Datasets{cfg: cfg, codec: codec, sets: map[base.Ref]*set{}, unpacking: make(chan struct{}, 2), reasoning: make(chan struct{}, 2)}
	d.ctx, d.end = context.WithCancel(context.Background())
	return d, nil
}

// Close ends all work on datasets and waits for it. Views stay valid.
func (d *Datasets) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.end()
	d.running.Wait()
	d.codec.Close()
}

// Concluded reports whether a graph holds conclusions: it is read and never written.
func (d *Datasets) Concluded(graph base.Term) bool {
	return d.cfg.Concluded != nil && d.cfg.Concluded(graph)
}

// Restore begins the datasets of resources that a checkpoint holds, each as far
// as the last event of its resource. It is called once, before Fold.
func (d *Datasets) Restore(resource domain.Resource) {
	if holder, ok := resource.(domain.DatasetHolder); ok {
		last := holder.Common().Last
		d.add(&set{ref: holder.Common().Ref}, step{kind: opened, position: last, inference: holder.Dataset().Inference})
	}
}

// Fold takes in an event with what its subject was and is. A fault says that
// the state set the event aside. Chain is the digest of the log's batch.
func (d *Datasets) Fold(e *domain.Event, before, after domain.Resource, fault error, chain [32]byte) {
	was, _ := before.(domain.DatasetHolder)
	is, _ := after.(domain.DatasetHolder)
	if was == nil && is == nil {
		return
	}
	if limit, limited := d.cfg.until[e.Subject]; d.cfg.until != nil && (!limited || e.Position > limit) {
		return
	}
	next := step{position: e.Position, chain: chain}
	switch change, changes := e.Payload.(domain.DatasetChange); {
	case is == nil:
		d.drop(e.Subject)
		return
	case was == nil:
		next.kind, next.inference = opened, is.Dataset().Inference
		d.add(&set{ref: e.Subject, born: e.Position}, next)
		return
	case fault != nil: // the state says so; the dataset only has to know that it saw the event
		next.kind = seen
	case changes:
		next.kind = changed
		next.removed, next.added, next.quads = change.Change()
	default:
		next.kind, next.inference = configured, is.Dataset().Inference
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.sets[e.Subject]; s != nil {
		d.push(s, next)
	}
}

// Reach says that everything up to a position was folded.
func (d *Datasets) Reach(position base.Position) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.head = position
	if d.reached != nil {
		close(d.reached)
		d.reached = nil
	}
}

// Serve says that from now on every view has in it what was folded up to a
// position. While a node replays its log, views may be of any moment of it;
// somebody who asks must not miss what was answered before the node stopped.
func (d *Datasets) Serve(from base.Position) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.least = from
}

func (d *Datasets) add(s *set, first step) {
	s.news = make(chan struct{})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sets[s.ref] = s
	d.push(s, first)
}

// drop forgets a dataset. Whoever waits for it learns that there is none.
func (d *Datasets) drop(ref base.Ref) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sets[ref]
	if s == nil {
		return
	}
	delete(d.sets, ref)
	for _, step := range s.pending {
		d.waiting -= step.size()
	}
	s.pending, s.gone = nil, true
	close(s.news)
}

// Waiting is how many bytes of packed changes wait in memory.
func (d *Datasets) Waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting
}

// Bytes is about how much memory all datasets take, conclusions included.
func (d *Datasets) Bytes() (n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sets {
		if s.current != nil {
			n += int64(s.current.Graph.Bytes())
		}
	}
	return n
}
