package consensus_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
)

// wires are loopback TCP between nodes; each can be taken off.
type wires struct {
	mu    sync.Mutex
	at    map[string]string // the address of a node by its ID
	off   map[string]bool
	conns map[net.Conn][2]string
}

func newWires() *wires {
	return &wires{at: map[string]string{}, off: map[string]bool{}, conns: map[net.Conn][2]string{}}
}

// isolate takes nodes off, with the streams that they have.
func (w *wires) isolate(ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.off)
	for _, id := range ids {
		w.off[id] = true
	}
	for c, ends := range w.conns {
		if w.off[ends[0]] || w.off[ends[1]] {
			c.(*wire).Conn.Close()
			delete(w.conns, c)
		}
	}
}

// plug is a raft.StreamLayer of one node.
type plug struct {
	net.Listener
	id    string
	wires *wires
	out   bool // closed
}

func (w *wires) plug(id string) (*plug, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at[id] = l.Addr().String()
	return &plug{Listener: l, id: id, wires: w}, nil
}

func (p *plug) Accept() (net.Conn, error) {
	c, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return p.keep(c, p.id), nil
}

func (p *plug) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	p.wires.mu.Lock()
	at, off := p.wires.at[string(to)], p.out || p.wires.off[string(to)] || p.wires.off[p.id]
	p.wires.mu.Unlock()
	if off || at == "" {
		return nil, fmt.Errorf("%s cannot be reached from %s", to, p.id)
	}
	c, err := net.DialTimeout("tcp", at, timeout)
	if err != nil {
		return nil, err
	}
	return p.keep(c, string(to)), nil
}

func (p *plug) keep(c net.Conn, other string) net.Conn {
	p.wires.mu.Lock()
	defer p.wires.mu.Unlock()
	kept := &wire{c, p.wires}
	p.wires.conns[kept] = [2]string{p.id, other}
	return kept
}

// Close ends the streams too.
func (p *plug) Close() error {
	p.wires.mu.Lock()
	defer p.wires.mu.Unlock()
	p.out = true
	for c, ends := range p.wires.conns {
		if ends[0] == p.id {
			c.(*wire).Conn.Close()
			delete(p.wires.conns, c)
		}
	}
	return p.Listener.Close()
}

type wire struct {
	net.Conn
	wires *wires
}

func (w *wire) Close() error {
	w.wires.mu.Lock()
	defer w.wires.mu.Unlock()
	delete(w.wires.conns, w)
	return w.Conn.Close()
}

type ctx = context.Context

// group is a cluster of several real nodes.
type group struct {
	t      testing.TB
	dir    string
	wires  *wires
	change func(id string, c *consensus.Config)
	nodes  map[string]*cluster
	ends   map[string]io.Closer // transports
}

// form starts n nodes, n1 to nN, all voters.
func form(t testing.TB, n int, change func(id string, c *consensus.Config)) *group {
	t.Helper()
	g := &group{t: t, dir: t.TempDir(), wires: newWires(), change: change, nodes: map[string]*cluster{}, ends: map[string]io.Closer{}}
	t.Cleanup(g.stopAll)
	g.start("n1", true)
	g.leader()
	for i := 2; i <= n; i++ {
		id := fmt.Sprintf("n%d", i)
		g.start(id, false)
		g.add(id)
		g.promote(id)
	}
	return g
}

// start opens a node, or opens it again.
func (g *group) start(id string, bootstrap bool) *cluster {
	g.t.Helper()
	c, err := g.open(id, bootstrap)
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

func (g *group) config(id string, bootstrap bool) consensus.Config {
	cfg := consensus.Config{Dir: filepath.Join(g.dir, id, "raft"), ID: id, Bootstrap: bootstrap}
	if os.Getenv("PICLOUD_TEST_LOG") != "" {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", id)
	}
	if g.change != nil {
		g.change(id, &cfg)
	}
	return cfg
}

func (g *group) openLog(id string, cfg consensus.Config) (*eventlog.Log, error) {
	return eventlog.Open(eventlog.Config{Dir: filepath.Join(g.dir, id, "events"), FS: cfg.FS})
}

func (g *group) open(id string, bootstrap bool) (*cluster, error) {
	cfg := g.config(id, bootstrap)
	log, err := g.openLog(id, cfg)
	if err != nil {
		return nil, err
	}
	p, err := g.wires.plug(id)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	cfg.Transport = consensus.NewTransport(p, cfg.Logger)
	end := cfg.Transport.(io.Closer)
	f := &fold{}
	node, err := consensus.Open(cfg, log, f)
	if err != nil {
		return nil, errors.Join(err, end.Close(), log.Close())
	}
	g.nodes[id], g.ends[id] = &cluster{t: g.t, dir: filepath.Join(g.dir, id), log: log, fold: f, node: node}, end
	return g.nodes[id], nil
}

func (g *group) stop(id string) {
	if c := g.nodes[id]; c != nil {
		c.stop()
		if err := g.ends[id].Close(); err != nil {
			g.t.Error(err)
		}
		delete(g.nodes, id)
	}
}

func (g *group) stopAll() {
	for id := range g.nodes {
		g.stop(id)
	}
}

// wait polls until done, for conditions that nothing announces.
func (g *group) wait(what string, done func() bool) {
	g.t.Helper()
	ctx := testContext(g.t)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			g.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// leader waits for one that may decide.
func (g *group) leader() *cluster {
	g.t.Helper()
	var found *cluster
	g.wait("no node leads", func() bool {
		for _, c := range g.nodes {
			if l, _ := c.node.Leadership(); l.Leading {
				found = c
				return true
			}
		}
		return false
	})
	return found
}

// retry repeats a change of the membership until the leader of the moment has
// made it.
func (g *group) retry(what string, change func(ctx context.Context, n *consensus.Node) error) {
	g.t.Helper()
	var err error
	g.wait(what, func() bool {
		err = change(testContext(g.t), g.leader().node)
		return err == nil || errors.Is(err, consensus.ErrMember)
	})
}

// id is under which name c runs.
func (g *group) id(c *cluster) string {
	for id, other := range g.nodes {
		if other == c {
			return id
		}
	}
	g.t.Fatal("the node was stopped")
	return ""
}

// other is a node besides c: the last by name.
func (g *group) other(c *cluster) (last string) {
	for id, o := range g.nodes {
		if o != c {
			last = max(last, id)
		}
	}
	return last
}

// never watches for as long as several elections take.
func (g *group) never(what string, happened func() bool) {
	g.t.Helper()
	over := time.After(3 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if happened() {
				g.t.Fatal(what)
			}
		case <-over:
			return
		}
	}
}

func (g *group) add(id string) {
	g.t.Helper()
	g.retry("add "+id, func(ctx context.Context, n *consensus.Node) error {
		return n.AddLearner(ctx, g.nodes[id].node.RaftID())
	})
}

func (g *group) promote(id string) {
	g.t.Helper()
	g.converge()
	g.retry("promote "+id, func(ctx context.Context, n *consensus.Node) error { return n.Promote(ctx, g.nodes[id].node.RaftID()) })
}

// converge waits until all nodes have folded the same, and fetches what one lacks.
func (g *group) converge() {
	g.t.Helper()
	g.wait("the nodes differ", func() bool {
		var first *cluster
		for _, c := range g.nodes {
			select {
			case missed := <-c.node.Lacking():
				g.fetch(c, missed)
			default:
			}
			if first == nil {
				first = c
			}
			if c.log.Head() != first.log.Head() {
				return false
			}
			if _, p, _ := c.fold.state(); p != first.log.Head().Position {
				return false
			}
		}
		return true
	})
	want := ""
	for id, c := range g.nodes {
		_, _, digest := c.fold.state()
		if want == "" {
			want = fmt.Sprint(digest)
		}
		if fmt.Sprint(digest) != want {
			g.t.Fatalf("%s folded something else", id)
		}
	}
}

// write commits through whoever leads until n batches were acknowledged.
func (g *group) write(n int) {
	g.t.Helper()
	for done := 0; done < n; {
		d := g.leader().proposer()
		for done < n {
			if err := d.submit(1, fmt.Appendf(nil, "%d", done)).Err(); err != nil {
				break
			}
			done++
		}
	}
}

func (c *cluster) proposer() *decider {
	l, _ := c.node.Leadership()
	return &decider{node: c.node, term: l.Term, basis: c.log.Head().Position}
}
