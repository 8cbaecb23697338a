//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/node"
)

// nodesMax bounds how many nodes one process runs.
const nodesMax = 9

// What makes a cluster of a development machine come together quickly.
const (
	devSteady  = 500 * time.Millisecond // until a node that keeps up gets its vote
	votesTime  = 15 * time.Second       // until all that should vote do
	inviteLife = 10 * time.Minute
)

// seat is where a node of a development cluster lives and listens.
type seat struct {
	dir, name, listen string
}

// seats are those of all nodes: one keeps to the directory itself, several have
// one each below it.
func (o *options) seats() ([]seat, error) {
	if o.nodes < 1 || o.nodes > nodesMax {
		return nil, cli.Usagef("--nodes %d: one to %d nodes run in one process", o.nodes, nodesMax)
	}
	if o.nodes == 1 {
		if _, err := os.Stat(filepath.Join(o.dir, "node-2")); err == nil {
			return nil, cli.Usagef("%s holds a cluster of several nodes; start it with as many (--nodes), or name another directory with --dir", o.dir)
		}
		return []seat{{o.dir, "", o.listen}}, nil
	}
	if _, err := os.Stat(filepath.Join(o.dir, "keys")); err == nil {
		return nil, cli.Usagef("%s holds a cluster of one node; start it without --nodes, or name another directory with --dir", o.dir)
	}
	host, text, _ := net.SplitHostPort(o.listen)
	first, err := strconv.Atoi(text)
	if err != nil {
		return nil, cli.Usagef("--listen %q: the port is a number, so that the other nodes have the ones after it", o.listen)
	}
	var all []seat
	for i := range o.nodes {
		port := 0 // any that is free
		if first != 0 {
			port = first + i
		}
		name := fmt.Sprintf("node-%d", i+1)
		all = append(all, seat{filepath.Join(o.dir, name), name, net.JoinHostPort(host, strconv.Itoa(port))})
	}
	return all, nil
}

// start opens all nodes: those that are members already together, for they need
// each other, then the new ones, each invited with a token as on any network.
func (o *options) start(ctx context.Context, app *cli.App) (cluster, error) {
	configs, err := o.configs(ctx, app)
	if err != nil {
		return nil, err
	}
	nodes, errs := make(cluster, len(configs)), make([]error, len(configs))
	var fresh []int
	var opening sync.WaitGroup
	for i, cfg := range configs {
		if i > 0 && !node.Member(cfg.Dir) {
			fresh = append(fresh, i)
			continue
		}
		cfg.Bootstrap = i == 0
		opening.Go(func() {
			nodes[i], errs[i] = node.Open(ctx, cfg)
			errs[i] = forbidden(o.dir, errs[i])
		})
	}
	opening.Wait()
	err = errors.Join(errs...)
	for _, i := range fresh {
		if err == nil {
			configs[i].Token, err = nodes.invitation(ctx, configs[i].Name)
		}
		if err != nil {
			_ = configs[i].Listener.Close() // its node never gets it
			continue
		}
		nodes[i], err = node.Open(ctx, configs[i])
	}
	nodes = slices.DeleteFunc(nodes, func(n *node.Node) bool { return n == nil })
	if err == nil {
		nodes.awaitVotes(ctx)
	}
	return nodes, err
}

// awaitVotes waits until as many nodes vote as should, so that whoever is told
// that the cluster is ready can take one away. A node that is ill is not waited
// for.
func (c cluster) awaitVotes(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, votesTime)
	defer cancel()
	for {
		now, superseded := c[0].Views().Changed()
		votes := 0
		for entry := range now.List("/nodes", "") {
			if n, ok := entry.Resource.(*domain.Node); ok && n.Status.RaftRole == domain.RaftRoleVoter {
				votes++
			}
		}
		if votes >= membership.Votes(len(c)) {
			return
		}
		select {
		case <-superseded:
		case <-ctx.Done():
			return
		}
	}
}

// configs are those of all nodes, each of which knows where the others are.
func (o *options) configs(ctx context.Context, app *cli.App) ([]node.Config, error) {
	seats, err := o.seats()
	if err != nil {
		return nil, err
	}
	var all []node.Config
	for _, s := range seats {
		cfg, err := o.config(ctx, app, s.dir, s.listen)
		if err != nil {
			for _, before := range all {
				err = errors.Join(err, before.Listener.Close())
			}
			return nil, err
		}
		if s.name != "" {
			cfg.Name, cfg.Logger = s.name, o.logger.With("node", s.name)
		}
		cfg.Notice = nil
		cfg.Rules = membership.Rules{Steady: devSteady}
		all = append(all, cfg)
	}
	for i := range all {
		for j := range all {
			if i != j {
				all[i].Join = append(all[i].Join, all[j].Listener.Addr().String())
			}
		}
	}
	return all, nil
}

// invitation is a token from whichever node leads, once one does.
func (c cluster) invitation(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, votesTime, errors.New("no node leads, so none can be invited"))
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		for _, n := range c {
			if n == nil {
				continue
			}
			if token, err := n.Invite(ctx, name, inviteLife); err == nil {
				return token, nil
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

// token is that of the administrator. With several nodes it lies in the
// directory of the first, and is kept beside client.json too.
func (c cluster) token(dir string) (string, error) {
	path := filepath.Join(dir, "admin.token")
	if len(c) == 1 {
		return c[0].AdminToken(), nil
	}
	token := c[0].AdminToken()
	if token == "" {
		kept, err := iam.ReadToken(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return kept, err
	}
	return token, iam.WriteSecret(path, []byte(token+"\n"))
}
