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
	"strconv"
	"time"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/membership"
	"github.com/picloud/picloud/runtime/node"
)

// nodesMax bounds how many nodes one process runs.
const nodesMax = 9

// What makes a cluster of a development machine come together quickly.
const (
	devSteady  = 500 * time.Millisecond // until a node that keeps up gets its vote
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
	seats, err := o.seats()
	if err != nil {
		return nil, err
	}
	nodes := make(cluster, len(seats))
	opened := func() (c cluster) { // what there is to close
		for _, n := range nodes {
			if n != nil {
				c = append(c, n)
			}
		}
		return c
	}
	var fresh []int
	members := make(chan error, len(seats))
	count := 0
	for i, s := range seats {
		if i > 0 && !node.Member(s.dir) {
			fresh = append(fresh, i)
			continue
		}
		cfg, err := o.devConfig(ctx, app, s)
		if err != nil {
			return opened(), err
		}
		cfg.Bootstrap = i == 0
		count++
		go func() {
			n, err := node.Open(ctx, cfg)
			nodes[i] = n
			members <- err
		}()
	}
	for range count {
		err = errors.Join(err, <-members)
	}
	for _, i := range fresh {
		if err != nil {
			break
		}
		nodes[i], err = o.invite(ctx, app, opened(), seats[i])
	}
	return opened(), err
}

func (o *options) devConfig(ctx context.Context, app *cli.App, s seat) (node.Config, error) {
	cfg, err := o.config(ctx, app, s.dir, s.listen)
	if s.name != "" {
		cfg.Name = s.name
		cfg.Logger = o.logger.With("node", s.name)
	}
	cfg.Notice = nil
	cfg.Rules = membership.Rules{Steady: devSteady}
	return cfg, err
}

// invite opens a new node that joins the others.
func (o *options) invite(ctx context.Context, app *cli.App, others cluster, s seat) (*node.Node, error) {
	token, err := others.invitation(ctx, s.name)
	if err != nil {
		return nil, err
	}
	cfg, err := o.devConfig(ctx, app, s)
	if err != nil {
		return nil, err
	}
	for _, n := range others {
		cfg.Join = append(cfg.Join, n.Address())
	}
	cfg.Token = token
	return node.Open(ctx, cfg)
}

// invitation is a token from whichever node leads.
func (c cluster) invitation(ctx context.Context, name string) (token string, err error) {
	for _, n := range c {
		if token, err = n.Invite(ctx, name, inviteLife); err == nil {
			return token, nil
		}
	}
	return "", err
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
