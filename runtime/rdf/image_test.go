package rdf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/picloud/picloud/gen/base"
)

// richQuad draws terms of all kinds, with fragments, shared beginnings and long texts.
func richQuad(t *rapid.T) base.Quad {
	node := rapid.Custom(func(t *rapid.T) base.Term {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return base.Blank(rapid.StringMatching(`[a-c]{1,3}`).Draw(t, "label"))
		case 1:
			return base.IRI(strings.Repeat("http://e/long/", rapid.IntRange(0, 30).Draw(t, "n")) + rapid.StringMatching(`[ab]{0,3}(#[ab!]{0,2})?`).Draw(t, "iri"))
		default:
			return base.IRI("http://e/" + rapid.StringMatching(`[a-c!]{1,2}`).Draw(t, "iri"))
		}
	})
	q := base.Quad{S: node.Draw(t, "s"), P: node.Draw(t, "p"), O: node.Draw(t, "o")}
	switch rapid.IntRange(0, 3).Draw(t, "object") {
	case 0:
		q.O = base.LangString(rapid.String().Draw(t, "text"), rapid.SampledFrom([]string{"en", "EN", "de"}).Draw(t, "lang"))
	case 1:
		q.O = base.Typed(rapid.StringMatching(`[0-9]{0,3}`).Draw(t, "lexical"), rapid.SampledFrom([]string{base.XSDInteger, base.XSDString, "http://e/t"}).Draw(t, "type"))
	case 2:
		q.O = base.String(strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 255, 256, frameMax - 9, 3 * frameMax}).Draw(t, "long")))
	}
	if rapid.Bool().Draw(t, "named") {
		q.G = node.Draw(t, "g")
	}
	return q
}

func image(t interface {
	Helper()
	Fatal(...any)
}, s *Snapshot) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteImage(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestAnImageReadsBackAsTheSameQuads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quads := rapid.SliceOfN(rapid.Custom(richQuad), 0, 60).Draw(t, "quads")
		gone := rapid.SliceOfN(rapid.Custom(richQuad), 0, 20).Draw(t, "gone")
		store := NewStore()
		store.LoadQuads(gone)
		store.Apply(gone, quads)
		snap := store.Snapshot()
		written := image(t, snap)
		again, err := ReadImage(iotest.OneByteReader(bytes.NewReader(written)))
		if err != nil {
			t.Fatal(err)
		}
		read := again.Snapshot()
		if read.Len() != snap.Len() || read.Digest() != snap.Digest() {
			t.Fatalf("%d quads became %d", snap.Len(), read.Len())
		}
		if !bytes.Equal(image(t, read), written) {
			t.Fatal("what was read is written otherwise")
		}
		model := map[base.Quad]bool{}
		for q := range snap.Quads(IDQuad{}) {
			model[q] = true
		}
		checkSnapshot(t, read, model, rapid.Custom(richQuad).Draw(t, "pattern"))
	})
}

func TestOneContentHasOneImage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quads := rapid.SliceOfN(rapid.Custom(richQuad), 1, 40).Draw(t, "quads")
		a, b := NewStore(), NewStore()
		a.LoadQuads(quads)
		b.LoadQuads(rapid.SliceOfN(rapid.Custom(anyQuad), 0, 40).Draw(t, "gone"))
		b.Apply(nil, rapid.Permutation(quads).Draw(t, "order"))
		var others []base.Quad
		for q := range b.Snapshot().Quads(IDQuad{}) {
			if id, ok := a.Snapshot().Lookup(q.S); !ok || a.Snapshot().Count(IDQuad{S: id}) == 0 {
				others = append(others, q)
			}
		}
		b.Apply(others, nil)
		if a.Snapshot().Digest() == b.Snapshot().Digest() && !bytes.Equal(image(t, a.Snapshot()), image(t, b.Snapshot())) {
			t.Fatal("another history, another image")
		}
	})
}

func TestAnImageHoldsNoTermOutOfUse(t *testing.T) {
	store := NewStore()
	secret := base.Quad{S: base.IRI("http://e/s"), P: base.IRI("http://e/p"), O: base.String("gone for good")}
	kept := base.Quad{S: secret.S, P: secret.P, O: base.String("kept")}
	store.Apply(nil, []base.Quad{secret, kept})
	store.Apply([]base.Quad{secret}, nil)
	if bytes.Contains(image(t, store.Snapshot()), []byte("gone")) {
		t.Error("a deleted text is in the image")
	}
}

func TestADamagedImageIsRefused(t *testing.T) {
	store := NewStore()
	for i := range 100 {
		store.Apply(nil, []base.Quad{{S: base.IRI(fmt.Sprint("http://e/", i)), P: base.IRI("http://e/p#x"), O: base.Integer(int64(i))}})
	}
	good := image(t, store.Snapshot())
	refused := func(what string, b []byte) {
		t.Helper()
		s, err := ReadImage(bytes.NewReader(b))
		if err == nil || s != nil || !strings.Contains(err.Error(), "the image cannot be used") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		refused(fmt.Sprint("flipped at ", i), bad)
		refused(fmt.Sprint("cut at ", i), good[:i])
	}
	refused("doubled", append(bytes.Clone(good), good...))
	refused("a byte more", append(bytes.Clone(good), 0))
	if _, err := ReadImage(iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(good)))); err == nil || !strings.Contains(err.Error(), iotest.ErrTimeout.Error()) {
		t.Errorf("the error of the reader is lost: %v", err)
	}
}

func TestAnImageThatPromisesMuchCostsLittle(t *testing.T) {
	f := newFrameWriter(io.Discard)
	f.number(1)
	f.number(uint64(base.IRITerm))
	f.text("")
	f.text("")
	start := bytes.Clone(f.buf[frameHead:])
	huge := func(numbers ...uint64) []byte {
		b := bytes.Clone(start)
		for _, n := range numbers {
			b = binary.AppendUvarint(b, n)
		}
		return framed(b)
	}
	for _, b := range [][]byte{
		huge(1<<32-1, 0, 1<<39),                  // a text of half a terabyte
		huge(1<<32 - 1),                          // four thousand million terms
		huge(0, 1<<32-1),                         // … quads
		huge(1, 200, 1, 'x'),                     // a term that repeats what is not there
		framed(binary.AppendUvarint(nil, 1<<32)), // kinds of term
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := ReadImage(bytes.NewReader(b)); err == nil {
			t.Error("accepted")
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%d bytes of image cost %d bytes of memory", len(b), n)
		}
	}
}

// framed makes an image of any payload, with right checksums.
func framed(payload []byte) []byte {
	b := []byte(imageMagic)
	sum := crc32.Checksum(b, castagnoli())
	for len(payload) > 0 {
		n := min(len(payload), frameMax)
		sum = crc32.Update(sum, castagnoli(), payload[:n])
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		b = binary.LittleEndian.AppendUint32(b, sum)
		b, payload = append(b, payload[:n]...), payload[n:]
	}
	return b
}

// unframed is the payload of an image.
func unframed(image []byte) (payload []byte) {
	for image = image[len(imageMagic):]; len(image) > 0; {
		n := binary.LittleEndian.Uint32(image)
		payload = append(payload, image[frameHead:frameHead+n]...)
		image = image[frameHead+n:]
	}
	return payload
}

func FuzzReadImage(f *testing.F) {
	store := NewStore()
	f.Add(image(f, store.Snapshot()), false)
	store.LoadQuads([]base.Quad{
		{S: base.IRI("http://e/d#a"), P: base.IRI("http://e/p"), O: base.LangString("x", "en")},
		{S: base.IRI("http://e/d#a"), P: base.IRI("http://e/p"), O: base.LangString("xy", "en"), G: base.IRI("http://e/g")},
		{S: base.Blank("b"), P: base.IRI("http://e/p"), O: base.Integer(7), G: base.Blank("b")},
	})
	f.Add(image(f, store.Snapshot()), false)
	f.Add(unframed(image(f, store.Snapshot())), true)
	f.Fuzz(func(t *testing.T, b []byte, framing bool) {
		if framing {
			b = framed(b) // past the checksums
		}
		s, err := ReadImage(bytes.NewReader(b))
		if err != nil {
			return
		}
		snap := s.Snapshot()
		again, err := ReadImage(bytes.NewReader(image(t, snap)))
		if err != nil || again.Snapshot().Digest() != snap.Digest() {
			t.Fatalf("what was read does not read back: %v", err)
		}
		for o := range snap.trees {
			if err := checkTree(snap.trees[o]); err != nil {
				t.Fatal(err)
			}
		}
	})
}
