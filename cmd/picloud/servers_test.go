//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/domain"
)

// servers are three nodes, each a process as an operator starts it.
type servers struct {
	t         *testing.T
	dir       string
	addresses [3]string
	running   [3]*exec.Cmd
	programs  [3]string // that they run; "" = this one
}

// name is that of a node, and of its directory.
func (s *servers) name(i int) string { return fmt.Sprint("pi-", i+1) }

func (s *servers) path(i int) string { return filepath.Join(s.dir, s.name(i)) }

// start runs a server and waits for a line that begins with a word.
func (s *servers) start(i int, word string, more ...string) {
	s.t.Helper()
	c := exec.Command(cmp.Or(s.programs[i], "picloud"), append([]string{"server", "--dir", s.path(i), "--name", s.name(i), "--listen", s.addresses[i]}, more...)...)
	log, err := os.OpenFile(s.path(i)+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close() // the process has its own
	c.Stderr = log
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.running[i] = c
	heard := make(chan bool, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), word) {
				heard <- true
				break
			}
		}
		for lines.Scan() { // until the pipe ends with the process
		}
		close(heard)
	}()
	select {
	case ok := <-heard:
		if ok {
			return
		}
	case <-time.After(2 * time.Minute):
	}
	text, _ := os.ReadFile(s.path(i) + ".log")
	s.t.Fatalf("%s never said %q\n%s", s.name(i), word, text)
}

func (s *servers) kill(i int) {
	if c := s.running[i]; c != nil {
		s.running[i] = nil
		_ = c.Process.Signal(syscall.SIGKILL)
		_ = c.Wait() // it has no better word to say
	}
}

// picloud runs the command line and gives what it prints.
func (s *servers) picloud(arguments ...string) string {
	s.t.Helper()
	c := exec.Command("picloud", arguments...)
	c.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(s.dir, "config"))
	out, err := c.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		s.t.Fatalf("picloud %s: %v", strings.Join(arguments, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// unusedAddresses are on the loopback, at ports below those that the system hands
// out by itself, so that they stay free while a server is away.
func unusedAddresses() (addresses [3]string) {
	for i := 0; i < len(addresses); {
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", 15_000+rand.IntN(15_000)))
		if err != nil {
			continue // somebody has it
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
		i++
	}
	return addresses
}

// form founds a cluster on the first server and invites the others.
func (s *servers) form() *client.Client {
	s.t.Helper()
	s.t.Cleanup(func() {
		for i := range s.running {
			s.kill(i)
		}
	})
	s.start(0, "waiting: ")
	if said := s.picloud("cluster", "init", "--dir", s.path(0), "--enrollment", "token"); !strings.Contains(said, "picloud server --token @FILE") || !strings.Contains(said, "--join") {
		s.t.Errorf("the founder is not told how the next node joins: %s", said)
	}
	for i := 1; i < 3; i++ {
		token := s.picloud("node", "token", s.name(i))
		s.start(i, "ready ", "--join", s.addresses[0], "--token", token)
	}
	var file clientFile
	text, err := os.ReadFile(filepath.Join(s.path(0), "client.json"))
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var endpoints []string
	for _, address := range s.addresses {
		endpoints = append(endpoints, "https://"+address)
	}
	c, err := client.New(client.Config{Endpoints: endpoints, Domain: file.Domain, CA: []byte(file.CA), Token: file.Token})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for votes := 0; votes < 3; <-look.C { // a node without a vote is no loss
		votes = 0
		for n, err := range c.ListNodes(s.t.Context(), client.ListOptions{}) {
			if err != nil {
				s.t.Fatal(err)
			}
			if n.Status.RaftRole == domain.RaftRoleVoter {
				votes++
			}
		}
	}
	return c
}

// record is what a writer was told to be kept.
type record struct {
	mu   sync.Mutex
	kept map[string]base.Position
	more chan struct{} // something was kept
}

// write makes products, one after the other, until ctx ends.
func (r *record) write(ctx context.Context, c *client.Client, writer int) {
	for i := 0; ctx.Err() == nil; i++ {
		name := fmt.Sprintf("w%d-%d", writer, i)
		_, meta, err := c.PutProduct(ctx, name, &domain.ProductSpec{Version: "1.0.0"})
		if err != nil {
			continue // it may be there or not
		}
		r.mu.Lock()
		r.kept[name] = meta.Position
		r.mu.Unlock()
		select {
		case r.more <- struct{}{}:
		default:
		}
	}
}

// grow waits until so many more were kept.
func (r *record) grow(t *testing.T, by int) {
	t.Helper()
	late := time.After(2 * time.Minute)
	for range by {
		select {
		case <-r.more:
		case <-late:
			t.Fatal("nothing was written for two minutes")
		}
	}
}

func TestServersThatAreKilledKeepWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	rounds := 2
	if os.Getenv("PICLOUD_LONG") != "" {
		rounds = 30
	}
	s := &servers{t: t, dir: t.TempDir(), addresses: unusedAddresses()}
	c := s.form()
	r := &record{kept: map[string]base.Position{}, more: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for writer := range 3 {
		writers.Go(func() { r.write(ctx, c, writer) })
	}
	for range rounds {
		r.grow(t, 10)
		one := rand.IntN(3)
		s.kill(one)
		r.grow(t, 10) // the others go on
		s.start(one, "ready ")
	}
	r.grow(t, 10)
	for i := range s.running { // all plugs at once
		s.kill(i)
	}
	stop()
	writers.Wait()
	var starting sync.WaitGroup
	for i := range s.running {
		starting.Go(func() { s.start(i, "ready ") })
	}
	starting.Wait()
	for name, position := range r.kept {
		product, _, err := c.GetProduct(t.Context(), name)
		if err != nil {
			t.Errorf("%s was acknowledged at position %d: %v", name, position, err)
		} else if product.Revision > position { // a repeated request is answered at a later position than its first
			t.Errorf("%s was acknowledged by position %d and stands at %d", name, position, product.Revision)
		}
	}
	t.Logf("%d acknowledged in %d rounds", len(r.kept), rounds)
	s.picloud("cluster", "verify")
}
