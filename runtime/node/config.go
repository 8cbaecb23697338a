package node

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/membership"
)

// Config says which node this is and how it comes to a cluster. What the
// directory says of both stands; nothing here changes it.
type Config struct {
	Dir     string   // everything that the node keeps; one process at a time
	Domain  string   // that the cluster must have; "" = whatever it has, and "picloud.local" for a new one
	Name    string   // of the node: a DNS label; "" = the host's name
	Names   []string // DNS names and addresses that the node also answers to
	Version string   // of this program
	Logger  *slog.Logger
	Now     func() time.Time

	// Listener is the one port of the node, which closes it; nil means a free
	// port of the loopback, which is announced to nobody.
	Listener net.Listener
	// Bootstrap founds a cluster of this node alone if the directory is new.
	// Without it a new node waits until it is told, or let into a cluster.
	Bootstrap bool
	// Join are addresses (host:port) of members that a new node asks to let it
	// in, beside those that it discovers, and at which a member looks for others
	// that it does not find; Token is its invitation, and Cluster the
	// id of the only one that it joins. "" = none, and any.
	Join           []string
	Token, Cluster string

	// Edge holds what the operator says of the API: limits, queries, live
	// queries, times, what LOAD may fetch. The node fills in the rest.
	Edge http.Config
	// Notice is called with what a person at the console should see while the
	// node opens; nil means nobody looks.
	Notice func(line string)

	// Disk is the mark below which writes are refused; the zero value is the
	// usual one.
	Disk consensus.DiskMark
	// DatasetMemory is how many bytes all datasets of resources may take before
	// changes that let one grow are refused; 0 means the usual amount.
	DatasetMemory int64
	// Segment is at how many bytes a segment of the event log is sealed, the same on
	// all nodes of a cluster; 0 means the usual size. Compact is how often the node
	// looks for what it may drop and compress; 0 means ten minutes.
	Segment int64
	Compact time.Duration
	// Measure is how often the node measures its machine; 0 means 15 s, less than
	// nothing never. Rules say when nodes get a vote and lose it.
	Measure time.Duration
	Rules   membership.Rules
	// Patience is how long to wait for the only voter to lead, which takes it
	// well under a second. 0 means 30 s.
	Patience time.Duration

	wall func() time.Time // Now as it was given: nil means the clock of the system, which may step
}

// usualDomain is that of a cluster whose founder names none.
const usualDomain = "picloud.local"

func (c Config) withDefaults() (Config, error) {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.wall = c.Now; c.Now == nil {
		c.Now = time.Now
	}
	if c.Notice == nil {
		c.Notice = func(string) {}
	}
	if c.Patience == 0 {
		c.Patience = 30 * time.Second
	}
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return c, fmt.Errorf("the host has no name: %w; give the node one", err)
		}
		c.Name = label(host)
	}
	if !base.IsName(c.Name) {
		return c, fmt.Errorf("%q cannot name a node; use lower-case letters, digits and hyphens, beginning with a letter (%q, say)", c.Name, label(c.Name))
	}
	if err := c.completeJoin(); err != nil {
		return c, err
	}
	return c, checkDomain(c.Domain)
}

// usualPort is where nodes listen that are told nothing else.
const usualPort = "443"

// completeJoin gives addresses without a port the usual one.
func (c *Config) completeJoin() error {
	c.Join = slices.Clone(c.Join)
	for i, address := range c.Join {
		host, port, err := net.SplitHostPort(address)
		if err != nil { // without a port, or an IPv6 address without brackets
			host, port = strings.Trim(address, "[]"), usualPort
		}
		number, err := strconv.ParseUint(port, 10, 16)
		isAddress := net.ParseIP(host) != nil
		if err != nil || number == 0 || host == "" || !isAddress && strings.ContainsAny(host, ":/@[] ") {
			return fmt.Errorf("%q is no address of a node to join; name a host and its port (\"192.168.1.10:%s\"), or the host alone for port %s", address, usualPort, usualPort)
		}
		c.Join[i] = net.JoinHostPort(host, port)
	}
	return nil
}

// checkDomain refuses what cannot be the domain of a cluster; "" is none.
func checkDomain(name string) error {
	if name == "" {
		return nil
	}
	var check base.Check
	(&domain.ClusterSpec{Domain: name}).Validate(&check)
	for _, v := range check.Violations {
		if v.Pointer == "/domain" { // the rest is not known yet
			return fmt.Errorf("%q cannot be the domain of a cluster: %s", name, v.Message)
		}
	}
	return nil
}

// label makes a DNS label of a host's name.
func label(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ".")
	clean := strings.Trim(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, host), "-")
	if clean == "" || clean[0] < 'a' {
		clean = "node-" + clean
	}
	return strings.TrimRight(clean[:min(len(clean), 63)], "-")
}
