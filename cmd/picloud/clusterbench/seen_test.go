package clusterbench

import (
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
