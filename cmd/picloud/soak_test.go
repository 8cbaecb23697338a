//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/sparql/hostile"
)

// soak is a node in a process of its own, with clients that give it no rest.
type soak struct {
	t       *testing.T
	command *exec.Cmd
	client  *http.Client
	token   string

	mu    sync.Mutex
	count map[string]int           // of answers, by who asked and status
	took  map[string]time.Duration // the slowest of each since the last line
}

// TestSoak lets readers, writers and hostile queries at a real node for as long
// as PICLOUD_SOAK says, prints the curve of its heap, and verifies at the end
// that state, graph and datasets are what the log says.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv("PICLOUD_SOAK"))
	if err != nil {
		t.Skip("it takes minutes: make soak, or PICLOUD_SOAK=5m")
	}
	s := startSoak(t)
	s.want(201, s.send("PUT", "/products/soak", `{"version":"1.0.0"}`, "application/json", s.token))
	s.want(201, s.send("PUT", "/products/soak/rdf-stores/data", `{}`, "application/json", s.token))
	queries, err := hostile.Queries()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	var all sync.WaitGroup
	for name, work := range map[string]func(token string, round int){
		"hostile-1": func(token string, i int) { s.ask("hostile-1", queries[(2*i)%len(queries)].Text, token) },
		"hostile-2": func(token string, i int) { s.ask("hostile-2", queries[(2*i+1)%len(queries)].Text, token) },
		"reader":    func(token string, i int) { s.read(token, i) },
		"bystander": func(token string, _ int) { s.ask("bystander", "SELECT * { </products/soak> ?p ?o }", token) },
		"writer":    func(_ string, i int) { s.write(i) },
		"updater":   func(_ string, i int) { s.update(i) },
	} {
		token := s.newToken(name)
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				work(token, i)
			}
		})
	}
	curve := s.watch(ctx)
	all.Wait()
	s.settle(curve)
}

// startSoak builds the program and starts a node with small limits of time, so
// that many hostile queries run within the minutes.
func startSoak(t *testing.T) *soak {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "picloud")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	s := &soak{t: t, count: map[string]int{}, took: map[string]time.Duration{}}
	s.command = exec.Command(binary, "dev", "--dir", filepath.Join(dir, "node"), "--listen", "127.0.0.1:0",
		"--query-time", "3s", "--query-memory", "64", "--queries", "8", "--queries-memory", "192")
	s.command.Stderr = log
	out, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	address := ""
	for address == "" && lines.Scan() {
		address, _ = strings.CutPrefix(lines.Text(), "ready https://")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, out)
	}()
	t.Cleanup(func() {
		_ = s.command.Process.Signal(os.Interrupt)
		<-drained
		if err := s.command.Wait(); err != nil {
			t.Error("the node ended with", err)
		}
		if said, _ := os.ReadFile(log.Name()); len(said) > 0 {
			t.Errorf("the node complained:\n%.4000s", said)
		}
	})
	var known struct{ CA, Token string }
	text, err := os.ReadFile(filepath.Join(dir, "node", "client.json"))
	if err == nil {
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(known.CA))
	s.token = known.Token
	s.client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "picloud.local"}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
	return s
}

// reply is what came back; status 0 is an answer that broke off.
type reply struct {
	status int
	body   string
	took   time.Duration
}

func (s *soak) send(method, path, body, media, token string) (a reply) {
	began := time.Now()
	r, err := http.NewRequest(method, "https://picloud.local"+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return reply{}
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		r.Header.Set("Content-Type", media)
	}
	response, err := s.client.Do(r)
	if err != nil {
		return reply{took: time.Since(began)}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if a = (reply{response.StatusCode, string(text), time.Since(began)}); err != nil {
		a.status = 0
	}
	return a
}

func (s *soak) want(status int, a reply) {
	s.t.Helper()
	if a.status != status {
		s.t.Fatalf("%d, want %d: %.500s", a.status, status, a.body)
	}
}

// noted counts an answer and complains of one that may not be.
func (s *soak) noted(who string, a reply, allowed ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[fmt.Sprintf("%s %d", who, a.status)]++
	s.took[who] = max(s.took[who], a.took)
	if !slices.Contains(allowed, a.status) && s.count[who+" bad"] < 5 {
		s.count[who+" bad"]++
		s.t.Errorf("%s: %d %.300s", who, a.status, a.body)
	}
}

func (s *soak) newToken(name string) string {
	token, digest := iam.NewToken()
	s.want(201, s.send("PUT", "/tokens/soak-"+name, fmt.Sprintf(`{"role":"read","digest":%q}`, digest), "application/json", s.token))
	return token
}

func (s *soak) ask(who, query, token string) {
	allowed := []int{200}
	if who != "bystander" {
		allowed = []int{0, 200, 400, 413, 429, 501, 503}
	}
	s.noted(who, s.send("POST", "/sparql", query, "application/sparql-query", token), allowed...)
}

func (s *soak) read(token string, round int) {
	paths := []string{"/", "/products/soak", "/products/soak/volumes", "/products/soak/rdf-stores/data", "/graph", "/products/soak/graph", "/events?after=0&follow=false", "/-/queries"}
	s.noted("reader", s.send("GET", paths[round%len(paths)], "", "", token), 200, 503)
}

// write keeps at most a hundred volumes, made, changed and deleted in turn.
func (s *soak) write(round int) {
	path := func(i int) string { return fmt.Sprintf("/products/soak/volumes/v%d", i) }
	s.noted("writer", s.send("PUT", path(round), `{"size":1073741824}`, "application/json", s.token), 201)
	s.noted("writer", s.send("PATCH", path(round), `{"size":2147483648}`, "application/merge-patch+json", s.token), 200)
	if round >= 100 {
		s.noted("writer", s.send("DELETE", path(round-100)+"?delete-data=true", "", "", s.token), 204)
	}
}

// update keeps at most twenty thousand quads in a store.
func (s *soak) update(round int) {
	var b strings.Builder
	b.WriteString("PREFIX : <http://e/> INSERT DATA { ")
	for i := range 500 {
		fmt.Fprintf(&b, ":s%d-%d :p%d \"value %d of round %d\" . ", round, i, i%7, i, round)
	}
	fmt.Fprintf(&b, ":r%d :round %d }", round, round)
	const endpoint, media = "/products/soak/rdf-stores/data/sparql", "application/sparql-update"
	s.noted("updater", s.send("POST", endpoint, b.String(), media, s.token), 200, 204)
	if round >= 40 {
		old := fmt.Sprintf(`DELETE { ?s ?p ?o } WHERE { ?s ?p ?o FILTER(STRSTARTS(STR(?s), "http://e/s%d-") || ?s = <http://e/r%d>) }`, round-40, round-40)
		s.noted("updater", s.send("POST", endpoint, old, media, s.token), 200, 204)
	}
}

// figures reads what the node says of itself.
func (s *soak) figures() map[string]float64 {
	figures := map[string]float64{}
	for line := range strings.Lines(s.send("GET", "/metrics", "", "", s.token).body) {
		name, text, ok := strings.Cut(strings.TrimSpace(line), " ")
		if value, err := strconv.ParseFloat(text, 64); ok && err == nil {
			figures[name] = value
		}
	}
	return figures
}

// watch prints a line each 15 seconds and gives the heap at each.
func (s *soak) watch(ctx context.Context) (curve []float64) {
	began := time.Now()
	s.t.Logf("%6s %9s %9s %9s %7s %8s %8s %8s  %s", "time", "heap MiB", "RSS MiB", "query MiB", "running", "routines", "events", "quads", "slowest: bystander, reader, writer, updater")
	for tick := time.NewTicker(15 * time.Second); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return curve
		case <-tick.C:
		}
		f := s.figures()
		curve = append(curve, f["go_memstats_heap_alloc_bytes"])
		s.mu.Lock()
		slowest := fmt.Sprint(s.took["bystander"].Round(time.Millisecond), " ", s.took["reader"].Round(time.Millisecond), " ", s.took["writer"].Round(time.Millisecond), " ", s.took["updater"].Round(time.Millisecond))
		clear(s.took)
		s.mu.Unlock()
		s.t.Logf("%6s %9.1f %9.1f %9.1f %7.0f %8.0f %8.0f %8.0f  %s", time.Since(began).Round(time.Second),
			f["go_memstats_heap_alloc_bytes"]/(1<<20), f["process_resident_memory_bytes"]/(1<<20), f["picloud_query_memory_bytes"]/(1<<20),
			f["picloud_queries"], f["go_goroutines"], f["picloud_log_position"], f["picloud_quads"], slowest)
	}
}

// settle looks at what is left when all clients have gone.
func (s *soak) settle(curve []float64) {
	for _, who := range slices.Sorted(maps.Keys(s.count)) {
		s.t.Logf("%-16s %7d", who, s.count[who])
	}
	for began := time.Now(); s.figures()["picloud_queries"] > 0; { // the last ones notice that their clients have left
		if time.Since(began) > 10*time.Second {
			s.t.Fatal("queries run on after their clients have left")
		}
	}
	var verified struct{ Equal bool }
	answer := s.send("GET", "/-/verify", "", "", s.token)
	if err := json.Unmarshal([]byte(answer.body), &verified); err != nil || !verified.Equal {
		s.t.Errorf("the node is not what its log says: %d %.500s", answer.status, answer.body)
	}
	s.t.Logf("verified in %s: %.300s", answer.took.Round(time.Millisecond), answer.body)
	// Each third shows its own highest; a leak would make every one higher.
	third := len(curve) / 3
	if third == 0 {
		return
	}
	first, last := slices.Max(curve[:third]), slices.Max(curve[len(curve)-third:])
	s.t.Logf("highest heap of the first third %.1f MiB, of the last %.1f MiB", first/(1<<20), last/(1<<20))
	if last > 1.5*first+64<<20 {
		s.t.Error("the heap grows")
	}
}
