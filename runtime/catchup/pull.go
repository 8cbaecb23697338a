package catchup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/runtime/eventlog"
)

// Config says how a Puller reaches peers and where the log is.
type Config struct {
	// Client makes requests to peers; it sets no deadline of its own, pulls take
	// as long as they take.
	Client *http.Client
	// Peers lists the members to ask, the best first, without this node. It is
	// asked anew in each round.
	Peers func() []string
	// URL is where a peer serves its log; nil means https://{peer}/peer/log.
	URL func(peer string) string
	// Head is where the own log ends.
	Head func() eventlog.Head
	// Accept takes the batches of one Raft entry: eventlog.Log.Append before
	// consensus runs, consensus.Node.Accept afterwards. When it returns, Head has
	// moved.
	Accept func(ctx context.Context, index uint64, batches []eventlog.Batch) error
	// Settle, if given, is called when nothing more is at hand and when a pull ends:
	// what Accept took may be shown to readers in one go until then.
	Settle func()
	// Logger may be nil.
	Logger *slog.Logger
}

// Puller fetches what the own log lacks from other members.
type Puller struct {
	cfg Config

	one   sync.Mutex // one pull at a time
	bytes atomic.Int64
}

// New makes a puller; it does nothing until asked.
func New(cfg Config) *Puller {
	if cfg.URL == nil {
		cfg.URL = func(peer string) string { return "https://" + peer + Path }
	}
	if cfg.Settle == nil {
		cfg.Settle = func() {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Puller{cfg: cfg}
}

// Bytes is how much was read from peers since the puller was made.
func (p *Puller) Bytes() int64 { return p.bytes.Load() }

// Times between two rounds in which nothing came.
const (
	pauseMin = 100 * time.Millisecond
	pauseMax = 5 * time.Second
)

// warnEvery is how often it is told that a pull takes long.
const warnEvery = 30 * time.Second

// To returns once the log holds position, fetched from any peers. It goes on
// through faults of peers and connections until ctx ends. It gives up with a
// *eventlog.DivergedError when all peers say that this node's history is another
// than theirs, and with the error of Accept.
func (p *Puller) To(ctx context.Context, position uint64) error {
	p.one.Lock()
	defer p.one.Unlock()
	start, from := time.Now(), p.cfg.Head()
	if from.Position >= position {
		return nil
	}
	before := p.bytes.Load()
	pause, warned := pauseMin, time.Now()
	for {
		moved, why, err := p.round(ctx, position)
		if err != nil {
			return err
		}
		if head := p.cfg.Head(); head.Position >= position {
			p.cfg.Logger.Info("caught up", "from", from.Position, "position", head.Position,
				"bytes", p.bytes.Load()-before, "took", time.Since(start).Round(time.Millisecond))
			return nil
		}
		if moved {
			pause = pauseMin
		}
		if now := time.Now(); now.Sub(warned) > warnEvery {
			warned = now
			p.cfg.Logger.Warn("what the event log lacks cannot be fetched yet", "position", p.cfg.Head().Position, "target", position, "error", why)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, pauseMax)
	}
}

// round asks each peer once, until the position is reached. why is what they said
// who did not bring the log up to it.
func (p *Puller) round(ctx context.Context, position uint64) (moved bool, why, err error) {
	var diverged *eventlog.DivergedError
	var said []error
	others := 0
	for _, peer := range p.cfg.Peers() {
		before := p.cfg.Head().Position
		if before >= position {
			return moved, nil, nil
		}
		err := p.pull(ctx, peer, position)
		var final *acceptError
		switch now := p.cfg.Head().Position; {
		case ctx.Err() != nil:
			return moved, nil, context.Cause(ctx)
		case errors.As(err, &final):
			return moved, nil, final.err
		case now > before:
			moved = true
		}
		switch {
		case errors.As(err, &diverged):
			p.cfg.Logger.Error("a peer has another history", "peer", peer, "error", err)
			continue
		case errors.Is(err, eventlog.ErrStream):
			p.cfg.Logger.Warn("a peer's event log cannot be used", "peer", peer, "error", err)
		case err != nil:
			p.cfg.Logger.Debug("a peer did not bring the log up", "peer", peer, "error", err)
		}
		others++
		if err != nil {
			said = append(said, fmt.Errorf("%s: %w", peer, err))
		}
	}
	if diverged != nil && others == 0 {
		return moved, nil, diverged
	}
	return moved, errors.Join(said...), nil
}

// acceptError is what Accept said: no peer can help.
type acceptError struct{ err error }

func (e *acceptError) Error() string { return e.err.Error() }

// pull takes from one peer what it has, up to a position.
func (p *Puller) pull(ctx context.Context, peer string, position uint64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing came for %s", stall)) })
	defer idle.Stop()
	head := p.cfg.Head()
	body, err := p.ask(ctx, peer, head, position)
	if err != nil {
		return because(ctx, err)
	}
	defer body.Close()
	stream := eventlog.NewStream(&lively{body, idle, &p.bytes}, head)
	defer p.cfg.Settle()
	for p.cfg.Head().Position < position {
		if !stream.Ready() {
			p.cfg.Settle()
		}
		batches, err := stream.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return because(ctx, err)
		}
		idle.Stop() // Accept may wait for a full disk
		if err := p.cfg.Accept(ctx, batches[0].Index, batches); err != nil {
			return &acceptError{err}
		}
		idle.Reset(stall)
	}
	return nil
}

// ask requests the bytes of a peer's log after a head.
func (p *Puller) ask(ctx context.Context, peer string, after eventlog.Head, until uint64) (io.ReadCloser, error) {
	q := url.Values{
		"after":  {strconv.FormatUint(after.Position, 10)},
		"digest": {after.Digest.String()},
		"until":  {strconv.FormatUint(until, 10)},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.cfg.URL(peer)+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := p.cfg.Client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, errors.Join(refused(answer, after), answer.Body.Close())
	}
	return answer.Body, nil
}

// because prefers the reason why a context ended to what it made fail.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// refused is the error for an answer that brings no log.
func refused(answer *http.Response, head eventlog.Head) error {
	var why refusal
	if err := json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&why); err != nil {
		return fmt.Errorf("the peer answered %s", answer.Status)
	}
	if answer.StatusCode == http.StatusConflict && why.Digest != nil && *why.Digest != head.Digest {
		return &eventlog.DivergedError{Position: head.Position, Theirs: *why.Digest, Ours: head.Digest}
	}
	return fmt.Errorf("the peer answered %s: %s", answer.Status, why.Reason)
}

// lively is a body that postpones the end of patience with each read.
type lively struct {
	body  io.Reader
	idle  *time.Timer
	bytes *atomic.Int64
}

func (l *lively) Read(b []byte) (int, error) {
	n, err := l.body.Read(b)
	l.idle.Reset(stall)
	l.bytes.Add(int64(n))
	return n, err
}
