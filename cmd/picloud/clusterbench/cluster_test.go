package clusterbench

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/generated/client"
)

// patience is how long what must come is waited for.
const patience = 2 * time.Minute

// cluster is servers on loopback, each a process as an operator starts it.
type cluster struct {
	*testing.T
	binary, dir string
	nodes       []*server

	domain, token, authority string
	roots                    *x509.CertPool
	client                   *client.Client // of all nodes
	formed                   time.Duration  // from the first start until all vote
}

type server struct {
	name, dir, address string
	process            *exec.Cmd
	starts             int
	log                string // of the present process
}

// form founds a cluster on the first of n servers and invites the others.
func form(t *testing.T, n int) *cluster {
	t.Helper()
	c := &cluster{T: t, binary: build(t), dir: directory(t)}
	began := time.Now()
	first := c.add()
	c.start(first, "waiting: ")
	c.picloud("cluster", "init", "--dir", first.dir, "--enrollment", "token")
	c.admit(first)
	for range n - 1 {
		c.invite()
	}
	c.whole()
	c.formed = time.Since(began)
	return c
}

// invite starts one more server with a token and waits until it serves.
func (c *cluster) invite() *server {
	c.Helper()
	s := c.add()
	token := c.picloud("node", "token", s.name)
	c.start(s, "ready ", "--join", c.nodes[0].address, "--token", token)
	return s
}

func (c *cluster) add() *server {
	c.Helper()
	name := fmt.Sprint("pi-", len(c.nodes)+1)
	s := &server{name: name, dir: filepath.Join(c.dir, name), address: fmt.Sprint("127.0.0.1:", freePorts(c.T, 1)[0])}
	c.nodes = append(c.nodes, s)
	return s
}

// start runs a server until it says a line that begins with a word.
func (c *cluster) start(s *server, word string, more ...string) {
	c.Helper()
	c.launch(s, more...)
	c.heard(s, word)
}

func (c *cluster) launch(s *server, more ...string) {
	c.Helper()
	s.starts++
	s.log = fmt.Sprintf("%s-%d.log", s.dir, s.starts)
	s.process = startProcess(c.T, s.log, time.Millisecond, c.binary, // as its unit says
		append([]string{"server", "--dir", s.dir, "--name", s.name, "--listen", s.address}, more...)...)
}

func (c *cluster) heard(s *server, word string) {
	c.Helper()
	wait(c.T, s.name+" says "+word, patience, func() error {
		text, err := os.ReadFile(s.log)
		if err == nil && !strings.Contains("\n"+string(text), "\n"+word) {
			err = fmt.Errorf("it said\n%s", text[max(0, len(text)-3000):])
		}
		return err
	})
}

func (c *cluster) kill(s *server) {
	_ = s.process.Process.Kill()
	_ = s.process.Wait() // it was killed
}

// picloud runs the command line and gives what it prints.
func (c *cluster) picloud(arguments ...string) string {
	c.Helper()
	command := exec.Command(c.binary, arguments...)
	command.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(c.dir, "config"))
	out, err := command.Output()
	if err != nil {
		c.Fatalf("picloud %s: %v: %s", strings.Join(arguments, " "), err, said(err))
	}
	return strings.TrimSpace(string(out))
}

// admit reads what the founder was given.
func (c *cluster) admit(first *server) {
	c.Helper()
	var file struct{ CA, Token, Domain string }
	text, err := os.ReadFile(filepath.Join(first.dir, "client.json"))
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		c.Fatal(err)
	}
	c.domain, c.token, c.authority, c.roots = file.Domain, file.Token, file.CA, x509.NewCertPool()
	c.roots.AppendCertsFromPEM([]byte(file.CA))
}

// whole waits until every server is a voter in reach and makes a client of all.
func (c *cluster) whole() {
	c.Helper()
	var endpoints []string
	for _, s := range c.nodes {
		endpoints = append(endpoints, "https://"+s.address)
	}
	if c.client != nil {
		c.client.Close()
	}
	var err error
	c.client, err = client.New(client.Config{Endpoints: endpoints, Domain: c.domain, CA: []byte(c.authority), Token: c.token})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(c.client.Close)
	wait(c.T, "every node votes", patience, func() error {
		is, err := c.overview()
		if err == nil && (is.InReach != len(c.nodes) || is.Leader == "") {
			err = fmt.Errorf("%d voters in reach, leader %q", is.InReach, is.Leader)
		}
		return err
	})
}

type overview struct {
	Leader   string
	Position uint64
	InReach  int
}

// overview is the cluster as the node finds it that the client speaks to.
func (c *cluster) overview() (is overview, err error) {
	ctx, cancel := context.WithTimeout(c.Context(), 10*time.Second)
	defer cancel()
	answer, err := c.client.Do(ctx, client.Request{Method: http.MethodGet, Path: "/-/cluster", Accept: "application/json"})
	if err == nil {
		err = json.Unmarshal(answer.Body, &is)
	}
	return is, err
}

// leader is the server that leads now.
func (c *cluster) leader() *server {
	c.Helper()
	var found *server
	wait(c.T, "a node leads", patience, func() error {
		is, err := c.overview()
		for _, s := range c.nodes {
			if err == nil && s.name == is.Leader {
				found = s
			}
		}
		if err == nil && found == nil {
			err = errors.New("none")
		}
		return err
	})
	return found
}

// built is the program as it is released, made once.
var built struct {
	once   sync.Once
	binary string
	err    error
}

func build(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.binary = os.Getenv("PICLOUD_BINARY"); built.binary != "" {
			return
		}
		root, err := filepath.Abs("../../..")
		if err == nil {
			err = makeBinary(root)
		}
		built.binary, built.err = filepath.Join(root, "bin", "picloud"), err
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.binary
}

func makeBinary(root string) error {
	command := exec.Command("make", "-s", "build")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("make build: %w\n%s", err, out)
	}
	return nil
}

// directory is on the disk that is measured: PICLOUD_BENCH_DIR, else the usual
// temporary folder.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(os.Getenv("PICLOUD_BENCH_DIR"), "picloud-clusterbench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // after the processes ended: cleanups run last in, first out
	return dir
}
