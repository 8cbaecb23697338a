package cli

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/picloud/picloud/generated/client"
)

// A context is this old when the program asks for the nodes of its cluster again,
// and it waits this long for them.
const (
	learnEvery = 5 * time.Minute
	learnTime  = 2 * time.Second
)

// learn keeps the nodes of the cluster in the context's file, so that the next
// call finds another one when the first has failed. A file without a list of
// endpoints means one node and no other. What goes wrong is tried again by a later
// call: the command itself is done.
func (a *App) learn(ctx context.Context) {
	path, err := a.contextPath()
	if err != nil || a.opened == nil {
		return
	}
	info, err := os.Stat(path)
	if err != nil || time.Since(info.ModTime()) < learnEvery {
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	var file contextFile
	if json.Unmarshal(text, &file) != nil || file.Endpoints == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, learnTime)
	defer cancel()
	defer a.opened.Close()
	endpoints, err := a.opened.Learn(ctx)
	if err != nil {
		return
	}
	_ = file.learned(path, endpoints) // a file that is not ours to write stays as it is
}

// learned writes the file with other endpoints, whole or not at all.
func (f contextFile) learned(path string, endpoints []string) error {
	f.Endpoints = slices.DeleteFunc(endpoints, func(e string) bool { return e == f.Endpoint })
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// client opens the client of the chosen cluster.
func (a *App) client() (*client.Client, error) {
	cfg, err := a.loadContext()
	if err != nil {
		return nil, err
	}
	a.opened, err = client.New(cfg)
	return a.opened, err
}
