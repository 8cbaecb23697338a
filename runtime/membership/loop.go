package membership

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/projection"
)

// Config says whom a loop looks after.
type Config struct {
	Self      string // ID of this node
	Consensus *consensus.Node
	Views     *projection.Projection
	// Say brings one command to the front door in the name of this node.
	Say func(context.Context, domain.Command) error
	// Ask asks another node how it is; Asking asks over HTTP.
	Ask Ask
	// Entrust is called before a node gets a vote, with its ID: from then on it may
	// lead, and has to hold what a leader needs. Nil means that there is nothing.
	Entrust func(ctx context.Context, id string) error
	// Status is how this node is.
	Status func() Status
	Rules  Rules
	// Silence is after how long without an answer a node is unreachable; 0 means
	// 10 s.
	Silence time.Duration
	// Rest and Pace are the pauses between two looks, while all is well and while
	// something is about to change; 0 means 5 s and 500 ms.
	Rest, Pace time.Duration
	Logger     *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Rules = c.Rules.withDefaults()
	c.Silence = cmp.Or(c.Silence, 10*time.Second)
	c.Rest = cmp.Or(c.Rest, 5*time.Second)
	c.Pace = cmp.Or(c.Pace, 500*time.Millisecond)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Bounds of one look.
const (
	askTime   = 2 * time.Second  // for one answer
	askAtOnce = 8                // nodes
	actTime   = 20 * time.Second // for one change
)

// When to look again soon.
const (
	glance     = 50 * time.Millisecond  // between two looks whether a node came or went
	haste      = 100 * time.Millisecond // to the next look after a change, and while a node that came is waited for
	arrivalFor = 30 * time.Second       // that is done
)

// Loop is a running loop.
type Loop struct {
	cfg   Config
	stop  context.CancelFunc
	tasks sync.WaitGroup
	heard atomic.Value // map[string]report of the last look

	faulty bool // something of this look could not be done
}

// Start begins a loop. It acts while this node leads.
func Start(cfg Config) *Loop {
	ctx, stop := context.WithCancel(context.Background())
	l := &Loop{cfg: cfg.withDefaults(), stop: stop}
	l.tasks.Go(func() { l.run(ctx) })
	return l
}

// Close ends the loop and waits for what it began.
func (l *Loop) Close() {
	l.stop()
	l.tasks.Wait()
}

func (l *Loop) run(ctx context.Context) {
	for ctx.Err() == nil {
		leadership, changed := l.cfg.Consensus.Leadership()
		if leadership.Leading {
			reign, end := context.WithCancel(ctx)
			go func() { // ends with the reign
				select {
				case <-changed:
				case <-reign.Done():
				}
				end()
			}()
			l.lead(reign, leadership.Term)
			end()
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// lead looks again and again until the reign ends, and soon when a node comes or
// goes.
func (l *Loop) lead(reign context.Context, term uint64) {
	w := newWatch(time.Now())
	ticker := time.NewTicker(min(glance, l.cfg.Pace))
	defer ticker.Stop()
	var due, looked time.Time
	var known base.Position
	for reign.Err() == nil {
		now := time.Now()
		if moved := l.cfg.Views.State().LastIn("/nodes"); moved != known || !now.Before(due) {
			if !looked.IsZero() && now.Sub(looked) > 4*l.cfg.Rest+actTime {
				w = newWatch(now) // this process itself was away
			}
			due = now.Add(l.look(reign, w, term))
			known, looked = l.cfg.Views.State().LastIn("/nodes"), time.Now()
		}
		select {
		case <-reign.Done():
		case <-ticker.C:
		}
	}
}

// look is one round: ask, say what was found, make one change. It gives the pause
// until the next.
func (l *Loop) look(ctx context.Context, w *watch, term uint64) time.Duration {
	basis := l.cfg.Views.State()
	reports := l.ask(ctx, nodes(basis))
	if ctx.Err() != nil {
		return 0
	}
	l.heard.Store(reports)
	now := time.Now()
	servers, _, err := l.cfg.Consensus.Servers()
	if err != nil {
		l.cfg.Logger.Warn("the members are not known", "error", err)
		return l.cfg.Pace
	}
	l.faulty = false
	facts := Facts{Self: l.cfg.Consensus.Stats().RaftID, Servers: servers, Level: LevelOf(basis)}
	said := l.say(ctx, leads(basis, l.cfg.Self, term))
	settled, arriving, keep := true, false, map[string]bool{}
	for _, node := range nodes(l.cfg.Views.State()) {
		r, asked := reports[node.Status.ID]
		if !asked {
			settled = false // it came meanwhile
			continue
		}
		keep[node.Status.ID] = true
		s := w.take(now, node.Status.ID, r)
		facts.Nodes = append(facts.Nodes, s.member(now, node))
		said = l.say(ctx, part(node, servers)) || said
		if node.Phase == domain.PhaseReady {
			said = l.say(ctx, s.condition(now, node, l.cfg.Silence)) || said
		}
		settled = settled && node.Phase == domain.PhaseReady && !l.turning(now, s, node)
		arriving = arriving || node.Phase == domain.PhaseApproved && now.Sub(s.first) < arrivalFor
	}
	w.forget(keep)
	said = l.say(ctx, release(l.cfg.Views.State())) || said
	said = l.say(ctx, level(l.cfg.Views.State(), servers, reports)) || said
	acted := l.act(ctx, Next(facts, l.cfg.Rules))
	switch {
	case (acted || said || arriving) && !l.faulty:
		return min(haste, l.cfg.Pace)
	case acted || said || !settled:
		return l.cfg.Pace
	}
	return l.cfg.Rest
}

// turning reports a node about which something will be said or done soon although
// nothing new happens to it.
func (l *Loop) turning(now time.Time, s *sight, node *domain.Node) bool {
	switch {
	case s.reach.IsZero():
		return node.Status.Condition != domain.ConditionUnreachable
	case !s.behind.IsZero() || node.Status.Condition == domain.ConditionUnreachable:
		return true
	}
	return node.Status.RaftRole == domain.RaftRoleLearner && !s.steady.IsZero() && now.Sub(s.steady) < l.cfg.Rules.Steady
}

// ask asks all nodes how they are, a few at once.
func (l *Loop) ask(ctx context.Context, all []*domain.Node) map[string]report {
	peers := map[string]*consensus.Peer{}
	stats := l.cfg.Consensus.Stats()
	for i, p := range stats.Peers {
		peers[consensus.NodeOf(p.ID)] = &stats.Peers[i]
	}
	reports := make(map[string]report, len(all))
	var mu sync.Mutex
	var tasks sync.WaitGroup
	free := make(chan struct{}, askAtOnce)
	for _, node := range all {
		id := node.Status.ID
		free <- struct{}{}
		tasks.Go(func() {
			defer func() { <-free }()
			r := report{server: peers[id], basis: l.cfg.Views.State().Position}
			if id == l.cfg.Self {
				r.status = l.cfg.Status()
			} else {
				ctx, cancel := context.WithTimeout(ctx, askTime)
				defer cancel()
				r.status, r.err = l.cfg.Ask(ctx, id)
			}
			mu.Lock()
			defer mu.Unlock()
			reports[id] = r
		})
	}
	tasks.Wait()
	return reports
}

// say writes what was found, if it is news.
func (l *Loop) say(ctx context.Context, c domain.Command) bool {
	if c == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	var refusal *base.Error
	switch err := l.cfg.Say(ctx, c); {
	case err == nil || ctx.Err() != nil:
	case errors.As(err, &refusal) && refusal.Code == base.Conflict: // it moved meanwhile; the next look shows how
	default:
		l.faulty = true
		l.cfg.Logger.Warn("what was found of a member could not be written; trying again", "resource", c.Subject(), "error", err)
	}
	return true
}

// act makes a change, if there is one.
func (l *Loop) act(ctx context.Context, a Action) bool {
	if a.Verb == Nothing {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	c := l.cfg.Consensus
	change := map[Verb]func(context.Context, string) error{
		Add: c.AddLearner, Promote: c.Promote, Demote: c.Demote, Remove: c.Remove, Transfer: c.TransferLeadership,
	}[a.Verb]
	l.cfg.Logger.Info("the members change", "change", a.Verb, "server", a.RaftID, "reason", a.Why)
	err := error(nil)
	if a.Verb == Promote && l.cfg.Entrust != nil {
		err = l.cfg.Entrust(ctx, consensus.NodeOf(a.RaftID))
	}
	if err == nil {
		err = change(ctx, a.RaftID)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, consensus.ErrNotLeader) {
		l.faulty = true
		l.cfg.Logger.Warn("the members did not change; trying again", "change", a.Verb, "server", a.RaftID, "error", err)
	}
	return true
}
