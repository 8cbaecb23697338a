package discovery

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// Roles of a node.
const (
	Fresh  = "fresh"  // belongs to no cluster
	Member = "member" // belongs to one
)

// Found is what a node says of itself. None of it is proved.
type Found struct {
	Cluster   string   // id of its cluster; empty while it has none
	Node      string   // its identity: hex SHA-256 of its public key
	Name      string   // what people call it
	Role      string   // Fresh or Member
	Version   string   // of the program
	Addresses []string // host:port as net.Dial takes them, best first
}

// Config is what a Discovery needs.
type Config struct {
	// Self is what is announced now; it may change at any time and is asked
	// often. Nothing is announced while its Node is empty. Its Addresses are not
	// used: they are those of the interfaces.
	Self func() Found
	// Port is the TCP port that the node serves at.
	Port int
	// Listen is the address that the port listens at. Unless it is zero or
	// unspecified, only its interface takes part and only it is announced.
	Listen netip.Addr
	// Domain is a host name below .local that is answered with this node's
	// addresses; empty while it is not to be answered. It may be nil.
	Domain func() string
	// Seen is told of a node when it is first heard, when what it says changed,
	// and again from time to time. Calls come one at a time. One that takes long
	// costs only reports that come again.
	Seen func(Found)
	// Browse is the longest time between two questions, 60 s unless set. It
	// begins with a second and doubles, and begins again when an interface came.
	Browse time.Duration
	// Moved, if set, is called when addresses of this machine came or went.
	Moved func()
	// Poll is how often interfaces are looked at where the kernel does not say that
	// they changed, and Self at least, 3 s unless set.
	Poll   time.Duration
	Logger *slog.Logger
}

// Discovery announces one node and looks for others until it is closed.
type Discovery struct {
	stop context.CancelFunc
	all  sync.WaitGroup
	news chan struct{}
}

// Start begins. A machine without a network or without multicast is no error:
// interfaces come and go, and the log says what is missing.
func Start(cfg Config) *Discovery {
	cfg = cfg.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	r := newResponder(cfg)
	d := &Discovery{stop: stop, news: r.news}
	d.all.Go(func() { r.run(ctx) })
	d.all.Go(func() {
		for found := range r.found {
			cfg.Seen(found)
		}
	})
	return d
}

// Refresh announces at once what Self says now, if it says something else.
func (d *Discovery) Refresh() {
	select {
	case d.news <- struct{}{}:
	default: // it is about to be asked
	}
}

// Close takes the announcement back and returns when all has ended; a call of
// Seen that runs is waited for.
func (d *Discovery) Close() {
	d.stop()
	d.all.Wait()
}

func (c Config) withDefaults() Config {
	if c.Browse <= 0 {
		c.Browse = time.Minute
	}
	if c.Poll <= 0 {
		c.Poll = 3 * time.Second
	}
	if c.Moved == nil {
		c.Moved = func() {}
	}
	if c.Domain == nil {
		c.Domain = func() string { return "" }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
