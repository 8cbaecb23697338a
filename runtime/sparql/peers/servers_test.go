package peers

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// server is one of those that are compared over HTTP.
type server struct {
	name string
	// start gives the endpoint of a server that holds the data, and how long the
	// load took. What it starts ends with the test.
	start func(t *testing.T, data string) (*endpoint, error)
	// readOnly are those without updates, which cannot run the mix.
	readOnly bool
}

// endpoint answers queries and updates of one server.
type endpoint struct {
	query, update, token string
	client               *http.Client
	pid                  int // 0 where another process of the server keeps the data
	load                 time.Duration
}

// servers are ours, of these sources, and those that are installed in a directory.
func servers(t *testing.T, dir string) []server {
	binary := filepath.Join(t.TempDir(), "picloud")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../../cmd/picloud")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	check(t, said(build))
	out := []server{{name: "ours (TLS)", start: func(t *testing.T, data string) (*endpoint, error) { return startOurs(t, binary, data) }}}
	oxigraph := filepath.Join(dir, "venv", "bin", "oxigraph")
	if _, err := os.Stat(oxigraph); err == nil {
		out = append(out,
			server{name: "oxigraph", start: func(t *testing.T, data string) (*endpoint, error) { return startOxigraph(t, oxigraph, data) }},
			server{name: "oxigraph (RocksDB)", start: func(t *testing.T, data string) (*endpoint, error) { return startRocks(t, oxigraph, data) }})
	}
	comunica := filepath.Join(dir, httpDir, "node_modules", "@comunica", "query-sparql-file", "bin", "http.js")
	if _, err := os.Stat(comunica); err == nil {
		out = append(out, server{name: "comunica", readOnly: true, start: func(t *testing.T, data string) (*endpoint, error) {
			return startComunica(t, comunica, data)
		}})
	}
	return out
}

// process starts a program that ends with the test, and gives its output.
func process(t *testing.T, command ...string) (pid int, out io.Reader) {
	t.Helper()
	c := exec.Command(command[0], command[1:]...)
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	t.Cleanup(func() {
		check(t, c.Process.Signal(os.Interrupt))
		_, _ = io.Copy(io.Discard, out)
		_ = c.Wait() // most end an interrupt with an error
	})
	return c.Process.Pid, out
}

// startOurs starts a node and fills a store of a product through `picloud graph
// load`.
func startOurs(t *testing.T, binary, data string) (*endpoint, error) {
	node := filepath.Join(t.TempDir(), "node")
	pid, out := process(t, binary, "dev", "--dir", node, "--listen", "127.0.0.1:0")
	address := announced(out, "ready https://")
	var known struct{ CA, Token string }
	text, err := os.ReadFile(filepath.Join(node, "client.json"))
	if err := errors.Join(err, json.Unmarshal(text, &known)); err != nil {
		return nil, err
	}
	const product = "https://picloud.local/products/bench"
	store := product + "/rdf-stores/data"
	e := &endpoint{query: store + "/sparql", update: store + "/sparql", token: known.Token, pid: pid, client: secure([]byte(known.CA), address)}
	for _, path := range []string{product, store} {
		body := "{}"
		if path == product {
			body = `{"version":"1.0.0"}`
		}
		if _, err := e.send("PUT", path, "application/json", body); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	err = said(exec.Command(binary, "--context", filepath.Join(node, "client.json"), "graph", "load", "--store", "bench/data", data))
	e.load = time.Since(began)
	return e, err
}

// startOxigraph keeps the data in memory; it takes them by the Graph Store
// Protocol.
func startOxigraph(t *testing.T, binary, data string) (*endpoint, error) {
	address := free(t)
	pid, _ := process(t, binary, "serve", "--bind", address)
	e := &endpoint{query: "http://" + address + "/query", update: "http://" + address + "/update", pid: pid, client: plain()}
	if err := e.wait(); err != nil {
		return nil, err
	}
	f, err := os.Open(data)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	began := time.Now()
	response, err := e.client.Post("http://"+address+"/store?default", "application/n-triples", f)
	if err != nil {
		return nil, err
	}
	e.load = time.Since(began)
	return e, response.Body.Close()
}

// startRocks keeps the data on disk, as ours does; its bulk loader brings them
// there before it starts.
func startRocks(t *testing.T, binary, data string) (*endpoint, error) {
	dir, address := t.TempDir(), free(t)
	began := time.Now()
	if err := said(exec.Command(binary, "load", "--location", dir, "--file", data)); err != nil {
		return nil, err
	}
	load := time.Since(began)
	pid, _ := process(t, binary, "serve", "--location", dir, "--bind", address)
	e := &endpoint{query: "http://" + address + "/query", update: "http://" + address + "/update", pid: pid, client: plain(), load: load}
	return e, e.wait()
}

// startComunica runs where it may leave files and serves a file, which it reads with its first query.
func startComunica(t *testing.T, script, data string) (*endpoint, error) {
	address := free(t)
	_, port, _ := net.SplitHostPort(address)
	process(t, "env", "-C", filepath.Dir(data), "node", "--max-old-space-size=8192", script, "--port", port, "--timeout", "120", "file@"+data)
	e := &endpoint{query: "http://" + address + "/sparql", client: plain()}
	if err := e.wait(); err != nil {
		return nil, err
	}
	began := time.Now()
	_, err := e.ask("ASK { <http://e/nothing> ?p ?o }")
	e.load = time.Since(began)
	return e, err
}

// startEmpty is a process that answers nothing over TLS: the ceiling.
func startEmpty(t *testing.T, _ string) (*endpoint, error) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	t.Setenv("PICLOUD_PEERS_EMPTY", file)
	pid, out := process(t, os.Args[0], "-test.run", "^TestEmpty$")
	address := announced(out, "ready https://")
	ca, err := os.ReadFile(file)
	return &endpoint{query: "https://example.com/", pid: pid, client: secure(ca, address)}, err
}

// send gives the body of an answer that is a success.
func (e *endpoint) send(method, url, media, body string) ([]byte, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", media)
	r.Header.Set("Accept", "application/sparql-results+json, application/n-triples;q=0.9")
	if e.token != "" {
		r.Header.Set("Authorization", "Bearer "+e.token)
	}
	response, err := e.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %.300s", method, url, response.Status, text)
	}
	return text, err
}

func (e *endpoint) ask(text string) ([]byte, error) {
	return e.send("POST", e.query, "application/sparql-query", text)
}

// do asks the query of a step, or makes its change.
func (e *endpoint) do(step Step) ([]byte, error) {
	if step.Text != "" {
		return e.ask(step.Text)
	}
	return e.send("POST", e.update, "application/sparql-update", step.update())
}

// wait until the server takes connections.
func (e *endpoint) wait() error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		response, err := e.client.Get(e.query)
		if err == nil {
			return response.Body.Close()
		}
		<-tick.C
	}
	return fmt.Errorf("%s does not answer", e.query)
}

// resident is the memory of the server in bytes.
func (e *endpoint) resident() int64 { return resident(strconv.Itoa(e.pid)) }

// plain has a connection for each client, over which one request follows the
// other, as has secure.
func plain() *http.Client {
	return &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
}

func secure(ca []byte, address string) *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
		MaxIdleConnsPerHost: clients, TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
}

// announced is what stands behind a prefix in the output of a process; the rest
// of the output is passed over.
func announced(out io.Reader, prefix string) string {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if found, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return strings.TrimSpace(found)
		}
	}
	return ""
}

// free is an address at which nothing listens.
func free(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

// said runs a command whose error tells what it wrote.
func said(c *exec.Cmd) error {
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", c.Args, err, bytes.TrimSpace(out))
	}
	return nil
}

// TestEmpty is the process of startEmpty.
func TestEmpty(t *testing.T) {
	file := os.Getenv("PICLOUD_PEERS_EMPTY")
	if file == "" {
		t.Skip("runs only as a process of TestPeers")
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	check(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	fmt.Println("ready " + s.URL)
	select {} // the interrupt of its parent ends it
}
