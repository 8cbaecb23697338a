package insight

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// Path is where the leader takes reports.
const Path = "/peer/observe"

// Config says what a node reports and to whom.
type Config struct {
	Self string // ID of this node
	// Own is what the node knows of itself beside figures: names, addresses, port,
	// release, certificate, processors.
	Own func() domain.NodeStatus
	// Log is what the event log takes and grows by; nil leaves it absent.
	Log func() LogFigures
	// Authority is the fingerprint of the cluster's authority, "" if it is not known.
	Authority func() string
	Meter     *Meter
	// Leader is the ID of the node that leads, "" if none is known. Leading tells
	// whether this node does, with news of any change.
	Leader  func() string
	Leading func() (bool, <-chan struct{})
	State   func() *state.State
	// Say brings commands to the front door together, in the name of this node.
	Say   func(context.Context, ...domain.Command) error
	Peers *http.Client // of members: the host is an ID
	// Caller is the ID of the member that sends a request.
	Caller func(context.Context) string
	// Every is the pause between two measurements; 0 means 15 s.
	Every  time.Duration
	Logger *slog.Logger
}

// LogFigures are about the event log of a node.
type LogFigures struct {
	Position base.Position
	Size     int64 // bytes on the disk
	Daily    int64 // bytes that it grows by in a day; negative: not known yet
}

// Insight measures this node and, while the node leads, writes what moved.
type Insight struct {
	cfg   Config
	stop  context.CancelFunc
	tasks sync.WaitGroup

	mu      sync.Mutex
	reports map[string]domain.NodeStatus // that came since the last batch, by ID
	first   chan struct{}                // a report came of a node of which a figure was not known
}

const (
	sendTime = 5 * time.Second
	// settleTime is from the first measurement to the second, and doubled each time
	// until a leader has taken both.
	settleTime = time.Second
)

// Start begins to measure.
func Start(cfg Config) *Insight {
	cfg.Every = cmp.Or(cfg.Every, 15*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	i := &Insight{cfg: cfg, stop: stop, reports: map[string]domain.NodeStatus{}, first: make(chan struct{}, 1)}
	i.tasks.Go(func() { i.run(ctx) })
	return i
}

// Close ends the measuring and waits for what it began.
func (i *Insight) Close() {
	i.stop()
	i.tasks.Wait()
}

// run reports this node at once, soon again because shares and rates are over the
// time between two measurements, and then in each interval. A leader writes what
// moved of all; at once who leads when its reign begins, and what was not known of
// a node before.
func (i *Insight) run(ctx context.Context) {
	pause, taken := min(settleTime, i.cfg.Every), 0
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		_, changed := i.cfg.Leading()
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-i.first:
		case <-timer.C:
			if err := i.tell(ctx, i.report()); err == nil {
				taken++
			} else if ctx.Err() == nil {
				i.cfg.Logger.Debug("the leader did not take the report; the next one follows", "error", err)
			}
			if taken > 1 {
				pause = i.cfg.Every
			}
			timer.Reset(pause)
			pause = min(2*pause, i.cfg.Every)
		}
		if leading, _ := i.cfg.Leading(); !leading {
			i.drop()
		} else if err := i.flush(ctx); err != nil && ctx.Err() == nil {
			i.cfg.Logger.Warn("what nodes report could not be written; the next batch has it", "error", err)
		}
	}
}

// report is all that this node knows of itself now.
func (i *Insight) report() domain.NodeStatus {
	status := i.cfg.Own()
	if status.Capacity == nil {
		status.Capacity = &domain.NodeCapacity{}
	}
	status.Metrics = i.cfg.Meter.Measure(status.Capacity)
	if i.cfg.Log != nil {
		figures := i.cfg.Log()
		status.Metrics.LogSize = &figures.Size
		if figures.Daily >= 0 {
			status.Metrics.LogWritten = &figures.Daily
		}
		if figures.Position > 0 {
			status.Metrics.Position = new(int64(figures.Position))
		}
	}
	return status
}

// tell brings a report to the leader, which may be here.
func (i *Insight) tell(ctx context.Context, status domain.NodeStatus) error {
	leading, _ := i.cfg.Leading()
	if leading {
		i.take(i.cfg.Self, status)
		return nil
	}
	leader := i.cfg.Leader()
	if leader == "" || leader == i.cfg.Self {
		return errors.New("no leader is known")
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+leader+Path, bytes.NewReader(encode(status)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := i.cfg.Peers.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, reportMax)) // so that the connection serves again
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the leader answers %s", response.Status)
	}
	return nil
}

// take keeps the newest report of a node for the next batch.
func (i *Insight) take(id string, status domain.NodeStatus) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reports[id] = status
}

// ServeHTTP takes the report of the member that sends it: POST /peer/observe.
func (i *Insight) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	leading, _ := i.cfg.Leading()
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, reportMax))
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "reports are sent by POST", http.StatusMethodNotAllowed)
		return
	case err != nil:
		http.Error(w, "the report cannot be read", http.StatusBadRequest)
		return
	case !leading:
		http.Error(w, "this node does not lead", http.StatusMisdirectedRequest)
		return
	}
	status, err := decode(text)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	id := i.cfg.Caller(r.Context())
	node := known(i.cfg.State(), id)
	if node == nil {
		http.Error(w, "no node with this key is enrolled", http.StatusForbidden)
		return
	}
	i.take(id, status)
	if news(node.Status.Metrics, status.Metrics) {
		select {
		case i.first <- struct{}{}:
		default: // it will be written with what came before
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// drop forgets the reports of a reign that is over.
func (i *Insight) drop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.reports)
}

// flush writes what moved in one batch.
func (i *Insight) flush(ctx context.Context) error {
	i.mu.Lock()
	reports := i.reports
	i.reports = map[string]domain.NodeStatus{}
	i.mu.Unlock()
	commands := i.moved(i.cfg.State(), reports)
	if len(commands) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Every)
	defer cancel()
	return i.cfg.Say(ctx, commands...)
}

// moved are the observations worth an event.
func (i *Insight) moved(s *state.State, reports map[string]domain.NodeStatus) (commands []domain.Command) {
	cluster, _ := s.Get("/").(*domain.Cluster)
	if cluster == nil {
		return nil
	}
	var company []domain.Command // what is not worth a batch of its own
	for entry := range s.List("/nodes", "") {
		node, ok := entry.Resource.(*domain.Node)
		if !ok || node.Phase == domain.PhaseDeleting {
			continue
		}
		var own *domain.NodeStatus
		if report, came := reports[node.Status.ID]; came && node.Status.ID != "" {
			own = &report
		}
		next := merged(node, own, node.Status.ID == i.cfg.Self)
		switch c := (&domain.ObserveNode{Ref: node.Ref, Status: next}); {
		case Moved(&node.Status, &next):
			commands = append(commands, c)
		case joins(&node.Status, &next):
			company = append(company, c)
		}
	}
	if len(commands) > 0 {
		commands = append(commands, company...)
	}
	if authority := i.cfg.Authority(); authority != "" && authority != cluster.Status.CAFingerprint {
		status := cluster.Status
		status.CAFingerprint = authority
		commands = append(commands, &domain.ObserveCluster{Ref: "/", Status: status})
	}
	return commands
}

// known is the enrolled node with an ID, nil if there is none.
func known(s *state.State, id string) *domain.Node {
	if id == "" {
		return nil
	}
	for entry := range s.List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok && node.Status.ID == id && node.Phase != domain.PhaseDeleting {
			return node
		}
	}
	return nil
}
