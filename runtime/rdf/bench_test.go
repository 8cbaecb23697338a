package rdf_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// fleet makes about n quads as the platform writes them: ten a resource, in a
// graph a product.
func fleet(n int) []base.Quad {
	iri := func(format string, args ...any) base.Term {
		return base.IRI("https://picloud.local/" + fmt.Sprintf(format, args...))
	}
	term := func(name string) base.Term { return base.IRI(pc + name) }
	quads := make([]base.Quad, 0, n)
	for i := 0; len(quads) < n; i++ {
		product := iri("products/p%d", i/100)
		s, g := iri("products/p%d/containers/c%d", i/100, i), base.IRI(product.Value+"/graph")
		env := base.IRI(s.Value + "#env/LOG_LEVEL")
		for _, q := range []base.Quad{
			{S: s, P: base.IRI(base.RDFType), O: term("Container")},
			{S: s, P: base.IRI(base.RDFSLabel), O: base.String(fmt.Sprint("c", i))},
			{S: s, P: term("product"), O: product},
			{S: s, P: term("phase"), O: term([]string{"Ready", "Failed", "Declared"}[i%3])},
			{S: s, P: term("revision"), O: base.Integer(int64(i))},
			{S: s, P: term("nodes"), O: iri("nodes/pi-%d", i%16)},
			{S: s, P: term("env"), O: env},
			{S: env, P: base.IRI(base.RDFType), O: term("EnvVar")},
			{S: env, P: term("key"), O: base.String("LOG_LEVEL")},
			{S: env, P: term("value"), O: base.String("info")},
		} {
			q.G = g
			quads = append(quads, q)
		}
	}
	return quads[:n]
}

func benchmarkParse(b *testing.B, format rdf.Format) {
	quads := fleet(100_000)
	if format == rdf.NTriples || format == rdf.Turtle {
		for i := range quads {
			quads[i].G = base.Term{}
		}
	}
	var text bytes.Buffer
	if err := rdf.Write(&text, format, slices.Values(quads), rdf.WriteOptions{Prefixes: prefixes}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := rdf.Parse(bytes.NewReader(text.Bytes()), format, rdf.Options{}, func(rdf.Statement) error { n++; return nil })
		if err != nil || n != len(quads) {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(len(quads)*b.N)/b.Elapsed().Seconds(), "quads/s")
}

func BenchmarkParseNTriples(b *testing.B) { benchmarkParse(b, rdf.NTriples) }
func BenchmarkParseNQuads(b *testing.B)   { benchmarkParse(b, rdf.NQuads) }
func BenchmarkParseTurtle(b *testing.B)   { benchmarkParse(b, rdf.Turtle) }
func BenchmarkParseTriG(b *testing.B)     { benchmarkParse(b, rdf.TriG) }

func BenchmarkWrite(b *testing.B) {
	quads := fleet(100_000)
	for _, format := range []rdf.Format{rdf.NQuads, rdf.TriG, rdf.JSONLD} {
		b.Run(format.String(), func(b *testing.B) {
			for b.Loop() {
				if err := rdf.Write(io.Discard, format, slices.Values(quads), rdf.WriteOptions{Prefixes: prefixes}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(quads)*b.N)/b.Elapsed().Seconds(), "quads/s")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// inOne moves quads to the default graph.
func inOne(quads []base.Quad) []base.Quad {
	for i := range quads {
		quads[i].G = base.Term{}
	}
	return quads
}

func BenchmarkLoadMillion(b *testing.B) {
	b.Run("graphs", func(b *testing.B) { benchmarkLoad(b, fleet(1_000_000)) })
	b.Run("graph", func(b *testing.B) { benchmarkLoad(b, inOne(fleet(1_000_000))) })
}

func benchmarkLoad(b *testing.B, quads []base.Quad) {
	before := heap()
	for b.Loop() {
		s := rdf.NewStore()
		s.LoadQuads(quads)
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/float64(s.Snapshot().Len()), "heap-B/quad")
		b.ReportMetric(float64(s.Snapshot().Terms())/float64(s.Snapshot().Len()), "terms/quad")
		b.StartTimer()
	}
}

// BenchmarkLoadNTriples reads a text of half a million triples into a store.
func BenchmarkLoadNTriples(b *testing.B) {
	quads := inOne(fleet(500_000))
	var text bytes.Buffer
	if err := rdf.Write(&text, rdf.NTriples, slices.Values(quads), rdf.WriteOptions{}); err != nil {
		b.Fatal(err)
	}
	began := processor(b)
	for b.Loop() {
		s := rdf.NewStore()
		s.Load(func(yield func(base.Quad) bool) {
			err := rdf.Parse(bytes.NewReader(text.Bytes()), rdf.NTriples, rdf.Options{}, func(st rdf.Statement) error {
				yield(st.Quad)
				return nil
			})
			if err != nil {
				b.Error(err)
			}
		})
	}
	n := float64(len(quads) * b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "triples/s")
	b.ReportMetric(n/float64(processor(b)-began)*1e9, "triples/cpu-s")
}

func BenchmarkImageMillion(b *testing.B) {
	s := rdf.NewStore()
	s.LoadQuads(fleet(1_000_000))
	snap := s.Snapshot()
	var image bytes.Buffer
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			image.Reset()
			if err := snap.WriteImage(&image); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(image.Len())/float64(snap.Len()), "B/quad")
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			again, err := rdf.ReadImage(bytes.NewReader(image.Bytes()))
			if err != nil || again.Snapshot().Len() != snap.Len() {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkApply deletes and inserts one quad in a store of a million, alone or
// with others in one change, with a snapshot every hundred, and reports the
// memory of a quad afterwards. The processor's time stands beside the clock's, which
// other processes slow down.
func BenchmarkApply(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
		one  bool
	}{{"graphs/1", 1, false}, {"graphs/100", 100, false}, {"graph/1", 1, true}, {"graph/100", 100, true}} {
		b.Run(c.name, func(b *testing.B) {
			before := heap()
			quads := fleet(1_000_000)
			if c.one {
				inOne(quads)
			}
			texts := heap() - before
			s := rdf.NewStore()
			s.LoadQuads(quads)
			random := rand.New(rand.NewPCG(1, 2))
			var remove, add []base.Quad
			began := processor(b)
			b.ResetTimer()
			for i := range b.N {
				at := random.IntN(len(quads))
				remove = append(remove, quads[at])
				quads[at].O = base.Integer(int64(-i))
				add = append(add, quads[at])
				if len(add) == c.size {
					s.Apply(remove, add)
					remove, add = remove[:0], add[:0]
				}
				if i%100 == 99 {
					s.Snapshot()
				}
			}
			b.StopTimer()
			b.ReportMetric(float64(processor(b)-began)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(heap()-before-texts)/float64(s.Snapshot().Len()), "heap-B/quad")
			runtime.KeepAlive(quads)
		})
	}
}

// processor is the processor's time that this process has had, in nanoseconds.
func processor(b *testing.B) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}

func BenchmarkRead(b *testing.B) {
	quads := fleet(1_000_000)
	s := rdf.NewStore()
	s.LoadQuads(quads)
	snap := s.Snapshot()
	random := rand.New(rand.NewPCG(1, 2))
	id := func(t base.Term) rdf.ID {
		id, ok := snap.Lookup(t)
		if !ok {
			b.Fatal(t)
		}
		return id
	}
	subjects := make([]rdf.ID, 1000)
	for i := range subjects {
		subjects[i] = id(quads[random.IntN(len(quads))].S)
	}
	label, ready := id(base.IRI(base.RDFSLabel)), id(base.IRI(pc+"Ready"))
	b.Run("point", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			for c := snap.Cursor(rdf.IDQuad{S: subjects[i%len(subjects)], P: label}); c.Next(); {
			}
		}
	})
	b.Run("match", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			for range snap.Match(rdf.IDQuad{S: subjects[i%len(subjects)], P: label}) {
			}
		}
	})
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			snap.Count(rdf.IDQuad{O: ready})
		}
	})
	b.Run("lookup", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			snap.Lookup(quads[i%len(quads)].S)
		}
	})
	b.Run("scan", func(b *testing.B) {
		n := 0
		for b.Loop() {
			for c := snap.Cursor(rdf.IDQuad{}); c.Next(); n++ {
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/quad")
	})
	b.Run("digest", func(b *testing.B) {
		for b.Loop() {
			snap.Digest()
		}
	})
}
