package clusterbench

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// pace starts n things at a rate, whether or not earlier ones are done, by so
// many hands; each hand does one at a time.
func pace(t *testing.T, n, rate, hands int, do func(hand, i int) error) (took time.Duration) {
	t.Helper()
	turns := make(chan int, n) // so that whoever is late never slows the clock
	failed := make([]error, hands)
	var group sync.WaitGroup
	began := time.Now()
	for hand := range hands {
		group.Go(func() {
			for i := range turns {
				if failed[hand] == nil {
					failed[hand] = do(hand, i)
				}
			}
		})
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; i < n; <-tick.C {
		for due := int(time.Since(began).Seconds() * float64(rate)); i < min(n, due); i++ {
			turns <- i
		}
	}
	close(turns)
	group.Wait()
	for _, err := range failed {
		if err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}

// visible asks every node's graph for what was just committed at the leader:
// of every twentieth commit, from its answer until the last node's.
func visible(t *testing.T, rows *table) {
	const rate, sample = 1000, 20
	n := rate * int(duration(t, "PICLOUD_ROUND", 5*time.Second).Seconds()) * 2
	c := form(t, 3)
	const hands = 32
	writers := c.callers(hands, nil)
	var looking [][]*caller // hand, node
	for range hands {
		var each []*caller
		for _, s := range c.nodes {
			each = append(each, c.callers(1, s)...)
		}
		looking = append(looking, each)
	}
	var mu sync.Mutex
	var commit, seen, alone []time.Duration
	var looks sync.WaitGroup
	var failed error
	places := make(chan int, hands) // callers that nobody looks with now
	for i := range hands {
		places <- i
	}
	look := func(word string, position uint64, name string) {
		place := <-places
		defer func() { places <- place }()
		first, err := everywhere(looking[place], name, word, position)
		again, err2 := everywhere(looking[place], name, word, position)
		mu.Lock()
		defer mu.Unlock()
		seen, alone = append(seen, first), append(alone, again)
		for _, err := range []error{err, err2} {
			if err != nil {
				failed = err
			}
		}
	}
	for hand := range hands { // connections are made before time counts
		position, err := writers[hand].product(fmt.Sprint("warm", hand), "warm")
		if err == nil {
			_, err = everywhere(looking[hand], fmt.Sprint("warm", hand), "warm", position)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	took := pace(t, n, rate, hands, func(hand, i int) error {
		name, word, at := fmt.Sprint("p", i%1000), fmt.Sprintf("seen-%d-", i), time.Now()
		position, err := writers[hand].product(name, word)
		if err == nil && i%sample == 0 {
			looks.Go(func() { look(word, position, name) })
		}
		mu.Lock()
		defer mu.Unlock()
		commit = append(commit, time.Since(at))
		return err
	})
	looks.Wait()
	if failed != nil {
		t.Fatal(failed)
	}
	for _, d := range [][]time.Duration{commit, seen, alone} {
		slices.Sort(d)
	}
	rows.add(fmt.Sprintf("commit at %.0f events/s", float64(n)/took.Seconds()), "1000/s", fmt.Sprintf("p50 %s  p99 %s", short(percentile(commit, 50)), short(percentile(commit, 99))), "")
	rows.add("commit → in the graph of every node, as a query sees it", "p99 ≤ 20 ms", fmt.Sprintf("p50 %s  p99 %s", short(percentile(seen, 50)), short(percentile(seen, 99))), "")
	rows.add("of that, the query: the same three asked once more", "", fmt.Sprintf("p50 %s  p99 %s", short(percentile(alone, 50)), short(percentile(alone, 99))), "")
}

// everywhere asks all nodes at once for a description and waits for the last.
func everywhere(nodes []*caller, name, word string, position uint64) (time.Duration, error) {
	errs := make([]error, len(nodes))
	began := time.Now()
	var group sync.WaitGroup
	for i, node := range nodes {
		group.Go(func() {
			// what is there may be newer than what was written, never older
			ask := fmt.Sprintf(`ASK { <https://%s/products/%s> ?p "%s" }`, node.domain, name, padded(word))
			_, body, err := node.send(http.MethodGet, "/sparql?query="+url.QueryEscape(ask), nil,
				"Accept", "application/sparql-results+json", "Picloud-Min-Position", strconv.FormatUint(position, 10))
			if err == nil && !strings.Contains(string(body), "true") {
				err = fmt.Errorf("%s at position %d is not in the graph: %s", word, position, body)
			}
			errs[i] = err
		})
	}
	group.Wait()
	took := time.Since(began)
	for _, err := range errs {
		if err != nil {
			return took, err
		}
	}
	return took, nil
}

// heard is one event that one listener was told.
type heard struct {
	position uint64
	at       time.Time
}

// fanout has a thousand listeners of all events, spread over the nodes.
func fanout(t *testing.T, rows *table) {
	const rate, hands = 200, 16
	listeners := number(t, "PICLOUD_LISTENERS", 1000)
	n := rate * int(duration(t, "PICLOUD_ROUND", 5*time.Second).Seconds()) * 2
	c := form(t, 3)
	writers := c.callers(hands, nil)
	for _, w := range writers {
		if _, err := w.product("warm", "warm"); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	told := make([][]heard, listeners)
	var ready, all sync.WaitGroup
	failed := make([]error, listeners)
	for i := range listeners {
		ready.Add(1)
		all.Go(func() { told[i], failed[i] = c.listen(ctx, c.nodes[i%len(c.nodes)], n, sync.OnceFunc(ready.Done)) })
	}
	ready.Wait()
	var mu sync.Mutex
	sent := map[uint64]time.Time{} // by the position that came of it
	var last uint64
	took := pace(t, n, rate, hands, func(hand, i int) error {
		at := time.Now()
		position, err := writers[hand].product(fmt.Sprint("p", i%1000), fmt.Sprintf("told-%d-", i))
		mu.Lock()
		defer mu.Unlock()
		sent[position], last = at, max(last, position)
		return err
	})
	late := time.AfterFunc(30*time.Second, stop) // who has all ends by itself
	all.Wait()
	late.Stop()
	stop()
	var delays []time.Duration
	for i, events := range told {
		if failed[i] != nil {
			t.Fatal(failed[i])
		}
		for _, h := range events {
			if at, ours := sent[h.position]; ours {
				delays = append(delays, h.at.Sub(at))
			}
		}
	}
	slices.Sort(delays)
	rows.add(fmt.Sprintf("%d listeners at %.0f events/s: request sent → told", listeners, float64(n)/took.Seconds()), "p99 ≤ 100 ms",
		fmt.Sprintf("p50 %s  p99 %s", short(percentile(delays, 50)), short(percentile(delays, 99))), "")
	rows.add("of all deliveries", "all", fmt.Sprintf("%d of %d", len(delays), n*listeners), fmt.Sprintf("%.4f", float64(len(delays))/float64(n*listeners)))
}

// listen reads a stream until it told n events of products or ctx ends.
func (c *cluster) listen(ctx context.Context, s *server, n int, ready func()) (told []heard, err error) {
	defer ready() // whatever becomes of it
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: c.roots, ServerName: c.domain}}
	conn, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	request, err := http.NewRequest(http.MethodGet, "https://"+c.domain+"/events?type=ProductChanged,ProductDeclared", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Accept", "text/event-stream")
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	if err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("a listener is refused: %v %v", response, err)
	}
	ready()
	lines := bufio.NewScanner(response.Body)
	for len(told) < n && lines.Scan() {
		if id, is := strings.CutPrefix(lines.Text(), "id: "); is {
			position, err := strconv.ParseUint(id, 10, 64)
			if err != nil {
				return told, err
			}
			told = append(told, heard{position, time.Now()})
		}
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil {
		return told, err
	}
	return told, nil
}
