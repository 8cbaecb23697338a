package node_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/rdf"
)

// quietly opens a node whose log says nothing.
func quietly(b *testing.B) *whole {
	w := open(b, b.TempDir())
	w.do(product("photo"))
	return w
}

// share runs b.N times over several writers and gives how many a second.
func share(b *testing.B, writers, n int, work func(i int64) error) float64 {
	var next atomic.Int64
	var group sync.WaitGroup
	begin := time.Now()
	for range writers {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := work(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	return float64(n) / time.Since(begin).Seconds()
}

// nothing is a fold that forgets everything.
type nothing struct{}

func (nothing) Position() uint64          { return 0 }
func (nothing) Fold(eventlog.Batch) error { return nil }
func (nothing) Publish(eventlog.Head)     {}

// bare gives how many batches a second consensus commits by itself, with as
// many writers and payloads of the same size.
func bare(b *testing.B, writers, n, events, size int) float64 {
	dir := b.TempDir()
	log, err := eventlog.Open(eventlog.Config{Dir: filepath.Join(dir, "log")})
	if err != nil {
		b.Fatal(err)
	}
	c, err := consensus.Open(consensus.Config{Dir: filepath.Join(dir, "raft"), ID: "bare", Bootstrap: true, Disk: config(dir).Disk}, log, nothing{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
		if err := log.Close(); err != nil {
			b.Error(err)
		}
	}()
	lead, changed := c.Leadership()
	for ; !lead.Leading; lead, changed = c.Leadership() {
		<-changed
	}
	var mu sync.Mutex
	basis := uint64(0)
	payload := make([]byte, size)
	rand.Read(payload)
	return share(b, writers, n, func(int64) error {
		mu.Lock()
		f := c.Submit(consensus.Batch{Term: lead.Term, Basis: basis, Time: c.Now(), Count: events, Payload: payload})
		basis += uint64(events)
		mu.Unlock()
		return f.Err()
	})
}

// BenchmarkDecideAndCommit is the whole way of a change in one process: decided,
// durable, folded into state and graph, and answered.
func BenchmarkDecideAndCommit(b *testing.B) {
	for _, c := range []struct{ writers, events int }{{1, 1}, {16, 1}, {256, 1}, {1, 100}, {16, 100}} {
		b.Run(fmt.Sprintf("writers=%d/events=%d", c.writers, c.events), func(b *testing.B) {
			w := quietly(b)
			size := 250 * c.events // about what the log holds of these
			ceiling := bare(b, c.writers, min(b.N, 20_000), c.events, size)
			b.ResetTimer()
			rate := share(b, c.writers, b.N, func(i int64) error {
				commands := make([]domain.Command, c.events)
				for e := range commands {
					commands[e] = volume("photo", fmt.Sprintf("v%d-%d", i%10_000, e), (i+1)<<20)
				}
				_, err := w.try(request(commands...))
				return err
			})
			b.ReportMetric(rate, "requests/s")
			b.ReportMetric(rate*float64(c.events), "events/s")
			b.ReportMetric(rate/ceiling, "of-bare")
		})
	}
}

// BenchmarkVisible is from a batch in the event log to the view that has it in
// the graph.
func BenchmarkVisible(b *testing.B) {
	w := quietly(b)
	ctx, stop := context.WithCancel(b.Context())
	written, ended := make(chan time.Time), make(chan struct{})
	go func() {
		defer close(ended)
		for next := uint64(w.position()) + 1; w.Events().Wait(ctx, next) == nil; next++ {
			written <- time.Now()
		}
	}()
	var delays []time.Duration
	for i := 0; b.Loop(); i++ {
		answered := make(chan time.Time)
		go func() {
			w.do(volume("photo", fmt.Sprintf("v%d", i%1000), int64(i+1)<<20))
			answered <- time.Now()
		}()
		at := <-written
		delays = append(delays, (<-answered).Sub(at))
	}
	stop()
	<-ended
	slices.Sort(delays)
	n := len(delays)
	b.ReportMetric(float64(delays[n/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(delays[n*99/100].Microseconds()), "p99-µs")
}

// BenchmarkApply is a deployment of 1,000 resources, created, and applied again
// unchanged.
func BenchmarkApply(b *testing.B) {
	const resources = 1000
	thousand := func(name string) []domain.Command {
		commands := []domain.Command{product(name)}
		for i := range (resources - 1) / 2 {
			v := fmt.Sprintf("v%d", i)
			commands = append(commands, volume(name, v, 1<<30), container(name, v, base.Ref("/products/"+name+"/volumes/"+v)))
		}
		return commands
	}
	b.Run("create", func(b *testing.B) {
		w := open(b, b.TempDir())
		for i := 0; b.Loop(); i++ {
			w.ask(deployment("big", thousand(fmt.Sprintf("p%d", i))...))
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		w := open(b, b.TempDir())
		w.ask(deployment("big", thousand("photo")...))
		for b.Loop() {
			w.ask(deployment("big", thousand("photo")...))
		}
	})
}

// BenchmarkQuads says what resources cost in the graph: quads each, and bytes a
// quad with all that belongs to it.
func BenchmarkQuads(b *testing.B) {
	b.Run("photo-app", func(b *testing.B) {
		w := open(b, b.TempDir())
		photoApp(b, w)
		reportQuads(b, w)
	})
	b.Run("resources=1000", func(b *testing.B) {
		w := open(b, b.TempDir())
		commands := []domain.Command{product("photo")}
		for i := range 500 {
			v := fmt.Sprintf("v%d", i)
			commands = append(commands, volume("photo", v, 1<<30), container("photo", v, base.Ref("/products/photo/volumes/"+v)))
		}
		w.do(commands...)
		reportQuads(b, w)
	})
}

// photoApp applies the worked example through the edge.
func photoApp(b *testing.B, w *whole) {
	text, err := os.ReadFile("../../ontology/examples/photo-app.ttl")
	if err != nil {
		b.Fatal(err)
	}
	server, err := edge.New(edge.Config{Domain: "picloud.local", ClusterID: w.ClusterID(), Door: w.Door(), Views: w.Views(), Events: w.Events(), TLS: w.TLS()})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", "https://picloud.local/apply", bytes.NewReader(text))
	r.Header.Set("Content-Type", "text/turtle")
	r.Header.Set("Authorization", "Bearer "+w.AdminToken())
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, r)
	if answer.Code != 200 {
		b.Fatal(answer.Code, answer.Body)
	}
}

func reportQuads(b *testing.B, w *whole) {
	view := w.Views().View()
	vocabulary, language := base.IRI(strings.TrimSuffix(base.Ontology, "#")), base.IRI(strings.TrimSuffix(base.Meta, "#"))
	var live []base.Quad
	for q := range view.Graph.Quads(anything) {
		if q.G != vocabulary && q.G != language {
			live = append(live, q)
		}
	}
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := used()
		store := rdf.NewStore()
		store.LoadQuads(own(live))
		b.ReportMetric(float64(int64(used())-int64(before))/float64(len(live)), "bytes/quad")
		runtime.KeepAlive(store)
	}
	b.ReportMetric(float64(len(live))/float64(view.State.Len()), "quads/resource")
	b.ReportMetric(float64(len(live)), "quads")
	b.ReportMetric(float64(view.State.Len()), "resources")
}

// own copies quads with their texts, so that a store counts with all it holds.
func own(quads []base.Quad) []base.Quad {
	quads = slices.Clone(quads)
	for i := range quads {
		for _, t := range []*base.Term{&quads[i].S, &quads[i].P, &quads[i].O, &quads[i].G} {
			t.Value = strings.Clone(t.Value)
		}
	}
	return quads
}
