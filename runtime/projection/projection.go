package projection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/reasoning"
	"github.com/picloud/picloud/runtime/state"
)

// Config says for which cluster a projection works and where it begins.
type Config struct {
	// Root of the cluster, without slash: "https://picloud.local".
	Root string
	// Model is the digest of the fold model.
	Model string
	// Checkpoint is the file of the folded state; "" keeps none.
	Checkpoint string
	// FS is the file system it is on; nil means the operating system's.
	FS disk.FS
	// Static quads lie in the graph from the start and never change.
	Static []base.Quad
	// Axioms say what follows in each of the platform's graphs from that graph:
	// properties below others, transitive, symmetric and inverse ones. Classes are
	// not among them: a resource's classes are generated.
	Axioms []base.Quad
	// Datasets take in what changes them; nil where there are none.
	Datasets *dataset.Datasets
	// Fit says why this program cannot go on from a state, which some event of it
	// asks for; nil fits all.
	Fit func(*state.State) error
	// Logger; nil discards.
	Logger *slog.Logger
}

// Projection is the one fold of a node. It is the Folder of consensus.
type Projection struct {
	cfg     Config
	builder *state.Builder
	store   *rdf.Store
	reason  *reasoning.Reasoner
	touched map[base.Ref]state.Entry // before the first event since the last Publish
	order   []base.Ref               // of touched, as they were: what came first is found first
	head    state.Head
	current atomic.Pointer[published]
}

var _ consensus.Folder = (*Projection)(nil)

// New makes a projection that stands where its checkpoint does, or at the
// beginning of the log when there is none that can be used: none at all, a
// damaged one, one of another model, or one of another history than the log's.
func New(cfg Config, log *eventlog.Log) *Projection {
	cfg = cfg.withDefaults()
	if cfg.Checkpoint != "" {
		s, err := state.ReadCheckpoint(cfg.FS, cfg.Checkpoint, cfg.Model)
		if err == nil {
			err = holds(log, s.Head)
		}
		switch {
		case err == nil:
			return from(cfg, s)
		case !errors.Is(err, fs.ErrNotExist):
			cfg.Logger.Warn("the checkpoint cannot be used; folding from the log", "error", err)
		}
	}
	return Anew(cfg)
}

func (c Config) withDefaults() Config {
	if c.FS == nil {
		c.FS = disk.OS()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// holds asks whether a log leads to where a state stands.
func holds(log *eventlog.Log, head state.Head) error {
	if head.Position == 0 {
		return nil
	}
	digest, err := log.DigestAt(uint64(head.Position))
	switch {
	case errors.Is(err, eventlog.ErrNotFound):
		return fmt.Errorf("it stands at position %d, the log ends at %d: %w", head.Position, log.Head().Position, err)
	case err != nil:
		return err
	case digest != head.Chain:
		return fmt.Errorf("at position %d the log has another history", head.Position)
	}
	return nil
}

// Anew makes a projection that stands at the beginning of the log, whatever
// checkpoint there is.
func Anew(cfg Config) *Projection { return from(cfg.withDefaults(), state.New()) }

func from(cfg Config, start *state.State) *Projection {
	p := &Projection{
		cfg:     cfg,
		builder: start.Build(),
		store:   rdf.NewStore(),
		touched: map[base.Ref]state.Entry{},
		head:    start.Head,
	}
	p.store.Load(p.all(start))
	p.reason = reasoning.New(reasoning.Config{Profile: reasoning.Platform, Axioms: cfg.Axioms, Skip: p.derived, Limits: limits})
	p.stopped(p.reason.Load(context.Background(), p.store.Snapshot()))
	p.store.Load(p.reason.All())
	if cfg.Datasets != nil {
		for e := range start.All() {
			cfg.Datasets.Restore(e.Resource)
		}
		cfg.Datasets.Reach(start.Position)
	}
	p.publish(View{start.Position, start.Time, start, p.store.Snapshot(), nil})
	return p
}

// all yields every quad that a state has, and the static ones.
func (p *Projection) all(s *state.State) iter.Seq[base.Quad] {
	return func(yield func(base.Quad) bool) {
		for _, q := range p.cfg.Static {
			if !yield(q) {
				return
			}
		}
		w := writer{base.QuadWriter{Root: p.cfg.Root}}
		for e := range s.All() {
			w.out.Quads = w.out.Quads[:0]
			w.entry(e)
			for _, q := range w.out.Quads {
				if !yield(q) {
					return
				}
			}
		}
	}
}

// Position is the last position that is folded.
func (p *Projection) Position() uint64 { return uint64(p.head.Position) }

// Fold takes in a batch. It fails only when the batch cannot be read at all.
func (p *Projection) Fold(b eventlog.Batch) error {
	at := base.TimeOf(b.Time)
	if b.Dropped { // what it said is said again later
		p.move(state.Head{Position: base.Position(b.Last()), Time: at, Chain: b.Digest})
		return nil
	}
	batch, err := state.DecodeBatch(base.Position(b.First), at, b.Payload)
	if err != nil {
		return err
	}
	if len(batch.Events) != int(b.Count) {
		return fmt.Errorf("the batch at position %d holds %d events, its frame says %d", b.First, len(batch.Events), b.Count)
	}
	p.head = state.Head{Position: base.Position(b.Last()), Time: at, Chain: b.Digest}
	p.builder.FoldBatch(batch, p.head, p.note)
	if p.cfg.Datasets != nil { // before readers can wait for the position
		p.cfg.Datasets.Reach(p.head.Position)
	}
	if p.cfg.Fit != nil {
		return p.cfg.Fit(p.builder.Peek())
	}
	return nil
}

// move goes over positions without an event to fold.
func (p *Projection) move(to state.Head) {
	p.head = to
	p.builder.Move(to)
	if p.cfg.Datasets != nil {
		p.cfg.Datasets.Reach(to.Position)
	}
}

// note remembers what the graph holds about the subject of an event.
func (p *Projection) note(e *domain.Event, c state.Change) {
	if _, known := p.touched[e.Subject]; !known {
		p.touched[e.Subject] = c.Before
		p.order = append(p.order, e.Subject)
	}
	if p.cfg.Datasets != nil {
		p.cfg.Datasets.Fold(e, c.Before.Resource, c.After.Resource, c.Fault, p.head.Chain)
	}
	if c.Fault != nil {
		p.cfg.Logger.Error("an event cannot be folded; its subject is set aside", "error", c.Fault)
	}
}

// Publish shows readers all that was folded. A log that stands further has begun a
// generation: positions in between do not exist, and the next decision is based on
// where the log stands.
func (p *Projection) Publish(head eventlog.Head) {
	begun := eventlog.Generation(head.Position) << eventlog.GenerationBits
	if at := base.Position(head.Position); at > p.head.Position && head.Position == begun {
		p.move(state.Head{Position: at, Time: p.head.Time, Chain: p.head.Chain})
	}
	now := p.builder.State()
	var remove, add []base.Quad
	was, is := writer{base.QuadWriter{Root: p.cfg.Root}}, writer{base.QuadWriter{Root: p.cfg.Root}}
	for _, ref := range p.order {
		was.out.Quads, is.out.Quads = was.out.Quads[:0], is.out.Quads[:0]
		was.entry(p.touched[ref])
		after, _ := now.Entry(ref)
		is.entry(after)
		gone, come := difference(was.out.Quads, is.out.Quads)
		remove, add = append(remove, gone...), append(add, come...)
	}
	clear(p.touched)
	p.order = p.order[:0]
	follows, err := p.reason.Apply(context.Background(), remove, add)
	p.stopped(err)
	remove, add = append(remove, follows.Removed...), append(add, follows.Added...)
	p.store.Apply(remove, add)
	p.publish(View{now.Position, now.Time, now, p.store.Snapshot(), &Delta{remove, add}})
}

// limits keep what somebody declares, such as thousands of roles that inherit from
// each other, from holding up commits for more than a moment.
var limits = reasoning.Limits{Facts: 200_000, Derivations: 500_000}

// derived tells whether nothing is inferred from a graph: from what was, from
// what is inferred, and from the ontology itself.
func (p *Projection) derived(graph base.Term) bool {
	return !strings.HasPrefix(graph.Value, p.cfg.Root+"/") || !strings.HasSuffix(graph.Value, "/graph") && !strings.HasSuffix(graph.Value, "/graph/iam")
}

// stopped tells why what follows in a graph is not shown.
func (p *Projection) stopped(err error) {
	if err != nil {
		p.cfg.Logger.Error("a graph of the platform shows only what is generated", "error", err)
	}
}

// Checkpoint captures the present state and gives the function that makes it
// durable. It is what consensus calls with each snapshot.
func (p *Projection) Checkpoint(eventlog.Head) func() error {
	captured, images := p.View().State, p.images()
	return func() error { return p.save(captured, images) }
}

// SaveCheckpoint writes the present state to the checkpoint's file.
func (p *Projection) SaveCheckpoint() error { return p.save(p.View().State, p.images()) }

// images captures the datasets, so that none of their images stands for more
// than the log had when it was synced for the checkpoint.
func (p *Projection) images() (save func() error) {
	if p.cfg.Datasets == nil {
		return func() error { return nil }
	}
	return p.cfg.Datasets.Checkpoint()
}

// save writes images of datasets before the state that knows of them: whatever
// a crash leaves, an image is as far as the state or ahead, or the log has the rest.
func (p *Projection) save(s *state.State, images func() error) error {
	if p.cfg.Checkpoint == "" {
		return nil
	}
	err := images()
	if failed := s.WriteCheckpoint(p.cfg.FS, p.cfg.Checkpoint, p.cfg.Model); failed != nil || p.cfg.Datasets == nil {
		return errors.Join(err, failed)
	}
	return errors.Join(err, p.cfg.Datasets.Sweep(func(ref base.Ref) bool { return s.Get(ref) != nil }))
}

// Sums are the digests that equal histories share.
type Sums struct {
	Position base.Position
	Chain    [32]byte // of the log
	State    [32]byte
	Graph    [32]byte
	Datasets [32]byte // each at its own position; zero where none are kept
}

// Sums of a view.
func (v View) Sums() Sums {
	return Sums{Position: v.Position, Chain: v.State.Chain, State: v.State.Digest(), Graph: v.Graph.Digest()}
}

// Rebuild folds a log into a shadow that stands where a view does, without
// touching what readers see; the datasets of cfg, if there are any, are of the
// shadow too. Reading the log checks its chain.
func Rebuild(cfg Config, log *eventlog.Log, until base.Position) (View, error) {
	cfg.Checkpoint = ""
	shadow := Anew(cfg)
	for b, err := range log.Read(0) {
		if err != nil {
			return View{}, err
		}
		if base.Position(b.Last()) > until {
			break
		}
		if err := shadow.Fold(b); err != nil {
			return View{}, err
		}
	}
	shadow.Publish(eventlog.Head{Position: uint64(until)})
	return shadow.View(), nil
}

// Verify rebuilds everything from the log, up to where readers are, and gives
// the digests of both for comparison. An error means that the log cannot be
// replayed.
func (p *Projection) Verify(log *eventlog.Log) (live, rebuilt Sums, err error) {
	if p.cfg.Datasets == nil {
		return p.verify(log, p.cfg, p.View())
	}
	ctx := context.Background() // datasets end their waits when they close
	standing, err := p.cfg.Datasets.Standing(ctx)
	if err != nil {
		return Sums{}, Sums{}, err
	}
	now, err := p.WaitFor(ctx, standing.Last())
	if err != nil {
		return Sums{}, Sums{}, err
	}
	cfg := p.cfg
	if cfg.Datasets, err = p.cfg.Datasets.Shadow(standing); err != nil {
		return Sums{}, Sums{}, err
	}
	defer cfg.Datasets.Close()
	if live, rebuilt, err = p.verify(log, cfg, now); err != nil {
		return Sums{}, Sums{}, err
	}
	again, err := cfg.Datasets.Standing(ctx)
	live.Datasets, rebuilt.Datasets = standing.Sum(), again.Sum()
	return live, rebuilt, err
}

func (p *Projection) verify(log *eventlog.Log, cfg Config, now View) (live, rebuilt Sums, err error) {
	shadow, err := Rebuild(cfg, log, now.Position)
	if err != nil {
		return Sums{}, Sums{}, fmt.Errorf("the log cannot be replayed: %w", err)
	}
	return now.Sums(), shadow.Sums(), nil
}
