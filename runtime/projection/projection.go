package projection

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/disk"
	"github.com/picloud/picloud/runtime/eventlog"
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
	touched touched // by what was folded since the last Publish
	head    state.Head
	shown   shown
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
	p := &Projection{cfg: cfg, builder: start.Build(), head: start.Head}
	p.shown.begin(cfg, start)
	if cfg.Datasets != nil {
		for e := range start.All() {
			cfg.Datasets.Restore(e.Resource)
		}
		cfg.Datasets.Reach(start.Position)
	}
	return p
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
	p.touched.add(e.Subject, c.Before)
	if p.cfg.Datasets != nil {
		p.cfg.Datasets.Fold(e, c.Before.Resource, c.After.Resource, c.Fault, p.head.Chain)
	}
	if c.Fault != nil {
		p.cfg.Logger.Error("an event cannot be folded; its subject is set aside", "error", c.Fault)
	}
}

// Publish shows readers the state that was folded; its graph follows. A log that
// stands further has begun a generation: positions in between do not exist, and the
// next decision is based on where the log stands.
func (p *Projection) Publish(head eventlog.Head) {
	begun := eventlog.Generation(head.Position) << eventlog.GenerationBits
	if at := base.Position(head.Position); at > p.head.Position && head.Position == begun {
		p.move(state.Head{Position: at, Time: p.head.Time, Chain: p.head.Chain})
	}
	p.shown.move(p.builder.State(), &p.touched)
}

// Checkpoint captures the present state and gives the function that makes it
// durable. It is what consensus calls with each snapshot.
func (p *Projection) Checkpoint(eventlog.Head) func() error {
	captured, images := p.State(), p.images()
	return func() error { return p.save(captured, images) }
}

// SaveCheckpoint writes the present state to the checkpoint's file.
func (p *Projection) SaveCheckpoint() error { return p.save(p.State(), p.images()) }

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
