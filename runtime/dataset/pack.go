package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/rdf"
)

// Bounds of one change beside domain.DatasetChangeMax: they hold when it is
// made and when it is read, so that a forged one cannot be larger.
const (
	TextMax  = 64 << 20 // bytes of N-Quads, removed or added
	QuadsMax = 500_000  // removed or added
)

// Codec packs quads for the log: canonical N-Quads (RDF 1.1 N-Triples, section
// 4; its lines in the order of their code points, each once), compressed by Zstandard (RFC 8878). It is safe for
// concurrent use.
type Codec struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

// NewCodec makes a codec; Close gives its memory back.
func NewCodec() (*Codec, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(TextMax), zstd.WithDecoderLowmem(true))
	return &Codec{encoder, decoder}, err
}

// Close ends the codec.
func (c *Codec) Close() { c.decoder.Close() }

// Pack gives nil for no quads. What is over a limit is an *base.Error that says
// so (TooLarge), what no text can say is Invalid.
func (c *Codec) Pack(quads []base.Quad) ([]byte, error) {
	if len(quads) == 0 {
		return nil, nil
	}
	if len(quads) > QuadsMax {
		return nil, tooLarge("%d quads; at most %d", len(quads), QuadsMax)
	}
	least := 0 // bytes of text, before any is written
	for _, q := range quads {
		least += len(q.S.Value) + len(q.P.Value) + len(q.O.Value) + len(q.G.Value)
	}
	if least > TextMax {
		return nil, tooLarge("%d bytes of N-Quads; at most %d", least, TextMax)
	}
	var text bytes.Buffer
	if err := rdf.Write(&text, rdf.NQuads, slices.Values(quads), rdf.WriteOptions{}); err != nil {
		return nil, &base.Error{Code: base.Invalid, Detail: err.Error()}
	}
	if text.Len() > TextMax {
		return nil, tooLarge("%d bytes of N-Quads; at most %d", text.Len(), TextMax)
	}
	packed := c.encoder.EncodeAll(sorted(text.Bytes()), nil)
	if len(packed) > domain.DatasetChangeMax {
		return nil, tooLarge("%d bytes compressed; at most %d", len(packed), domain.DatasetChangeMax)
	}
	return packed, nil
}

// sorted puts the lines of a text in the order of their code points, each once.
// It is several times faster than comparing terms. No line has a line break in it.
func sorted(text []byte) []byte {
	lines := make([][]byte, 0, bytes.Count(text, []byte{'\n'}))
	for line := range bytes.Lines(text) {
		lines = append(lines, line)
	}
	slices.SortFunc(lines, bytes.Compare)
	return bytes.Join(slices.CompactFunc(lines, bytes.Equal), nil)
}

func tooLarge(format string, amount, limit int) error {
	return &base.Error{Code: base.TooLarge, Detail: "the change has " + fmt.Sprintf(format, amount, limit) + " fit into one event: split it; to take out a graph or all, repeat the update DELETE { ?s ?p ?o } WHERE { SELECT ?s ?p ?o { ?s ?p ?o } LIMIT 100000 } until nothing is left, with GRAPH <…> { } in both for a named graph, or delete the store and create it again"}
}

// Unpack reads what Pack wrote. It takes no more memory than the bounds allow,
// whatever the bytes say.
func (c *Codec) Unpack(packed []byte) ([]base.Quad, error) {
	if len(packed) == 0 {
		return nil, nil
	}
	text, err := c.decoder.DecodeAll(packed, nil)
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, fmt.Errorf("it holds more than %d bytes of N-Quads", TextMax)
	case err != nil:
		return nil, fmt.Errorf("it is not compressed by Zstandard: %w", err)
	}
	lines := bytes.Count(text, []byte{'\n'})
	if lines > QuadsMax {
		return nil, fmt.Errorf("it holds more than %d quads", QuadsMax)
	}
	quads := make([]base.Quad, 0, lines)
	err = rdf.Parse(bytes.NewReader(text), rdf.NQuads, rdf.Options{KeepLabels: true, MaxIRI: TextMax, MaxLiteral: TextMax}, func(s rdf.Statement) error {
		quads = append(quads, s.Quad)
		return nil
	})
	return quads, err
}
