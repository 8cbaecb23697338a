package writer

import (
	"context"
	"errors"
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/dataset"
	"github.com/picloud/picloud/runtime/projection"
)

// Config says between what a writer stands.
type Config struct {
	Door     *command.Door
	Views    *projection.Projection
	Datasets *dataset.Datasets
	// Waiting is how many changes of one dataset may wait in line; more are told
	// to come again. 0 means 256.
	Waiting int
	// Memory is how many bytes all datasets together may take before changes
	// that let one grow are refused; one takes half of it at most. 0 means
	// MemoryMax.
	Memory int64
}

// MemoryMax is how many bytes all datasets may take if nobody says.
const MemoryMax = 2 << 30

// Writer is safe for concurrent use.
type Writer struct {
	cfg   Config
	codec *dataset.Codec
	lines lines
}

// New makes a writer.
func New(cfg Config) (*Writer, error) {
	if cfg.Waiting == 0 {
		cfg.Waiting = 256
	}
	if cfg.Memory == 0 {
		cfg.Memory = MemoryMax
	}
	codec, err := dataset.NewCodec()
	if err != nil {
		return nil, err
	}
	return &Writer{cfg: cfg, codec: codec, lines: lines{most: cfg.Waiting, all: map[base.Ref]*line{}}}, nil
}

// Close gives memory back; nothing may be in line any more.
func (w *Writer) Close() { w.codec.Close() }

// Evaluate works out the change of a dataset: quads that leave and quads that
// come. It may be called several times, each time on a later view, and changes
// nothing itself. Quads that leave and are not there, or come and are, do no harm.
type Evaluate func(ctx context.Context, view dataset.View) (removed, added []base.Quad, err error)

// Answer is what became of a change.
type Answer struct {
	command.Answer
	// View holds the change. It is zero where the answer is replayed, or where
	// ctx ended before the dataset was there.
	View           dataset.View
	Removed, Added int // quads that really left and came
}

// repeats is how often a change is worked out again because the dataset moved.
// Changes of it wait in line, so only others move it: a new declaration of its
// resource, a change of leadership.
const repeats = 64

// Change changes the dataset of a resource. The request says who asks and under
// which conditions: If.Revisions are positions of the dataset (View.Last), of
// which the present one must be one. A key that was used already is answered
// as it was, without working anything out. Errors are *base.Error: NotFound,
// Forbidden, Stale (only for If), TooLarge, Full (no memory for more), what the front door says, and what
// evaluate returns.
func (w *Writer) Change(ctx context.Context, ref base.Ref, r command.Request, evaluate Evaluate) (Answer, error) {
	holder, err := w.allowed(ref, r.Principal)
	if err != nil {
		return Answer{}, err
	}
	leave, err := w.lines.enter(ctx, ref)
	if err != nil {
		return Answer{}, err
	}
	defer leave()
	condition := r.If
	r.If = command.Precondition{}
	if _, known := w.cfg.Views.State().Receipt(r.Key.Key); known && r.Key != (command.Key{}) {
		r.Commands = []domain.Command{holder.ChangeDataset(0, nil, nil, 0)}
		answer, err := w.cfg.Door.Do(ctx, &r)
		if !stale(err) { // a receipt may end between two looks
			return Answer{Answer: answer}, err
		}
	}
	for range repeats {
		answer, again, err := w.attempt(ctx, ref, r, condition, evaluate)
		if !again {
			return answer, err
		}
	}
	return Answer{}, &base.Error{Code: base.Unavailable, Ref: ref, RetryAfter: 1, Detail: fmt.Sprintf("%s changes too often to decide on it; try again", ref)}
}

// stale reports whether a change was worked out on what is no longer so.
func stale(err error) bool {
	var refused *base.Error
	return errors.As(err, &refused) && refused.Code == base.Stale
}

// allowed finds the resource and asks whether the principal may change what it
// holds, before anything is worked out.
func (w *Writer) allowed(ref base.Ref, p command.Principal) (domain.DatasetHolder, error) {
	holder, err := w.holder(ref)
	if err != nil {
		return nil, err
	}
	c := holder.ChangeDataset(0, nil, nil, 0)
	return holder, w.cfg.Door.May(p, c.Permission(), c.Kind(), ref)
}

func (w *Writer) holder(ref base.Ref) (domain.DatasetHolder, error) {
	holder, ok := w.cfg.Views.State().Get(ref).(domain.DatasetHolder)
	if !ok {
		return nil, none(ref)
	}
	return holder, nil
}

func none(ref base.Ref) error {
	return &base.Error{Code: base.NotFound, Ref: ref, Detail: fmt.Sprintf("there is no dataset %s", ref)}
}

// attempt works the change out once and tries to have it decided. Again says
// that the dataset moved meanwhile.
func (w *Writer) attempt(ctx context.Context, ref base.Ref, r command.Request, condition command.Precondition, evaluate Evaluate) (answer Answer, again bool, err error) {
	holder, err := w.holder(ref)
	if err != nil {
		return Answer{}, false, err
	}
	view, err := w.view(ctx, ref, holder.Common().Last)
	if err != nil {
		return Answer{}, false, err
	}
	if err := check(condition, view); err != nil {
		return Answer{}, false, err
	}
	removed, added, err := evaluate(ctx, view)
	if err != nil {
		return Answer{}, false, err
	}
	if removed, added, err = w.net(view, removed, added); err != nil {
		return Answer{}, false, err
	}
	if err := w.fits(view, removed, added); err != nil {
		return Answer{}, false, err
	}
	c, err := w.command(holder, view, removed, added)
	if err != nil {
		return Answer{}, false, err
	}
	r.Commands = []domain.Command{c}
	answer = Answer{Removed: len(removed), Added: len(added)}
	if answer.Answer, err = w.cfg.Door.Do(ctx, &r); stale(err) {
		return Answer{}, true, nil
	}
	if err != nil || answer.Replayed {
		return Answer{Answer: answer.Answer}, false, err
	}
	// The change is made, so an error from here on is not the caller's.
	if view, err = w.view(ctx, ref, answer.Position); err == nil {
		answer.View = view
		if view.Fault != nil && answer.Events > 0 && view.Last == answer.Position {
			return answer, false, fmt.Errorf("the change at position %d was set aside: %w", answer.Position, view.Fault)
		}
	}
	return answer, false, nil
}

// view is the dataset with all that happened up to a position.
func (w *Writer) view(ctx context.Context, ref base.Ref, atLeast base.Position) (dataset.View, error) {
	view, err := w.cfg.Datasets.View(ctx, ref, atLeast)
	switch {
	case errors.Is(err, dataset.ErrNone):
		return view, none(ref)
	case errors.Is(err, dataset.ErrClosed):
		return view, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the node is shutting down"}
	case err != nil && ctx.Err() != nil:
		return view, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the request ended before the dataset was there; nothing was changed"}
	}
	return view, err
}

// check refuses a change whose precondition does not hold of the dataset.
func check(p command.Precondition, view dataset.View) error {
	stale := &base.Error{Code: base.Stale, Ref: view.Ref, Revision: view.Last}
	if p.Absent {
		stale.Detail = fmt.Sprintf("%s exists already", view.Ref)
		return stale
	}
	for _, position := range p.Revisions {
		if position == view.Last {
			return nil
		}
	}
	if len(p.Revisions) > 0 {
		stale.Detail = fmt.Sprintf("the dataset of %s has changed since you read it; read it again", view.Ref)
		return stale
	}
	return nil
}

// fits refuses what lets a dataset grow when there is no memory for it: datasets
// are kept in memory whole, and read into it again at each start. What takes
// more out than it puts in always fits.
func (w *Writer) fits(view dataset.View, removed, added []base.Quad) error {
	grows := textOf(added) - textOf(removed)
	if grows <= 0 && len(added) <= len(removed) {
		return nil
	}
	own, all := int64(view.Graph.Bytes())+grows, w.cfg.Datasets.Bytes()+grows
	what, is, most := "the dataset", own, w.cfg.Memory/2
	if own <= most && all > w.cfg.Memory {
		what, is, most = "all datasets of the node together", all, w.cfg.Memory
	}
	if is <= most {
		return nil
	}
	return &base.Error{Code: base.Full, Ref: view.Ref, Detail: fmt.Sprintf(
		"with this change %s would take about %d MiB of memory, and may take %d MiB: delete something first", what, is>>20, most>>20)}
}

// textOf is how many bytes of text quads have.
func textOf(quads []base.Quad) (n int64) {
	for _, q := range quads {
		n += int64(len(q.S.Value) + len(q.P.Value) + len(q.O.Value) + len(q.G.Value))
	}
	return n
}

// command packs a change. Its basis is what the view has of the resource.
func (w *Writer) command(holder domain.DatasetHolder, view dataset.View, removed, added []base.Quad) (domain.Command, error) {
	left, err := w.codec.Pack(removed)
	if err != nil {
		return nil, err
	}
	came, err := w.codec.Pack(added)
	if err != nil {
		return nil, err
	}
	return holder.ChangeDataset(view.Last, left, came, view.Quads+int64(len(added)-len(removed))), nil
}

// net leaves of a change what really changes: quads that leave are there and do
// not come again, quads that come are not there, each is named once.
func (w *Writer) net(view dataset.View, removed, added []base.Quad) (left, came []base.Quad, err error) {
	come := make(map[base.Quad]bool, len(added))
	for _, q := range added {
		if err := w.writable(q); err != nil {
			return nil, nil, err
		}
		if come[q] {
			continue
		}
		come[q] = true
		if !view.Has(q) {
			came = append(came, q)
		}
	}
	leave := make(map[base.Quad]bool, len(removed))
	for _, q := range removed {
		if err := w.writable(q); err != nil {
			return nil, nil, err
		}
		if !leave[q] && !come[q] && view.Has(q) {
			leave[q] = true
			left = append(left, q)
		}
	}
	return left, came, nil
}

func (w *Writer) writable(q base.Quad) error {
	if w.cfg.Datasets.Concluded(q.G) {
		return &base.Error{Code: base.Conflict, Detail: fmt.Sprintf("the graph <%s> holds what is concluded; it cannot be changed", q.G.Value)}
	}
	return nil
}
