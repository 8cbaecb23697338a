package state

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/disk"
)

// A checkpoint is a file of JSON, one value a line: a header, every entry, every
// collection, every receipt; and a last line with the CRC-32C of the bytes
// before it. The header says how many lines of each sort there are.

const checkpointFormat = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrOtherModel says that a checkpoint was folded by another model: the state
// is to be folded anew from the log.
var ErrOtherModel = errors.New("the checkpoint is of another fold model")

// Digest identifies what the state says, whatever way it came about: SHA-256
// over the lines of a checkpoint without its header.
func (s *State) Digest() [32]byte {
	sum := sha256.New()
	s.writeBody(sum)
	var digest [32]byte
	sum.Sum(digest[:0])
	return digest
}

// WriteCheckpoint puts the state into a file, whole or not at all, and durably.
// The model is the digest of the fold model. It is for one caller at a time:
// what a crash leaves behind is overwritten by the next.
func (s *State) WriteCheckpoint(fsys disk.FS, path, model string) error {
	err := disk.WriteFile(fsys, path, 0o600, func(w io.Writer) error {
		buffered := bufio.NewWriterSize(w, 1<<20)
		sum := crc32.New(castagnoli)
		out := io.MultiWriter(buffered, sum)
		s.writeHeader(out, model)
		s.writeBody(out)
		fmt.Fprintf(buffered, "%08x\n", sum.Sum32())
		return buffered.Flush()
	})
	if err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	return nil
}

// line writes one JSON value and a new line. Errors stay with the writer.
func line(w io.Writer, e *base.Encoder, write func(e *base.Encoder)) {
	*e = base.Encoder{Buffer: e.Buffer[:0], Stored: true}
	e.Begin()
	write(e)
	e.End()
	e.Buffer = append(e.Buffer, '\n')
	_, _ = w.Write(e.Buffer) // a hash has no errors, a bufio.Writer keeps them for Flush
}

func (s *State) writeHeader(w io.Writer, model string) {
	line(w, &base.Encoder{}, func(e *base.Encoder) {
		e.Integer("format", checkpointFormat)
		e.Text("model", model)
		e.Integer("position", int64(s.Position))
		e.Integer("time", int64(s.Time))
		e.Text("chain", hex.EncodeToString(s.Chain[:]))
		e.Integer("entries", int64(s.entries.Len()))
		e.Integer("collections", int64(s.collections.Len()))
		e.Integer("receipts", int64(s.receipts.byPosition.Len()))
	})
}

func (s *State) writeBody(w io.Writer) {
	e := &base.Encoder{}
	s.entries.Scan(func(ref base.Ref, entry Entry) bool {
		line(w, e, func(e *base.Encoder) { appendEntry(e, ref, entry) })
		return true
	})
	s.collections.Scan(func(collection base.Ref, last base.Position) bool {
		line(w, e, func(e *base.Encoder) {
			e.Text("collection", string(collection))
			e.Integer("last", int64(last))
		})
		return true
	})
	s.receipts.byPosition.Scan(func(_ base.Position, key string) bool {
		receipt, _ := s.receipts.byKey.Get(key)
		line(w, e, func(e *base.Encoder) {
			appendReceipt(e, &receipt)
			e.Integer("position", int64(receipt.Position))
			e.Integer("time", int64(receipt.Time))
		})
		return true
	})
}

func appendEntry(e *base.Encoder, ref base.Ref, entry Entry) {
	event := entry.Event
	e.Text("ref", string(ref))
	e.Text("kind", string(event.Payload.Kind()))
	e.Text("type", string(event.Payload.Type()))
	e.Integer("position", int64(event.Position))
	e.Integer("time", int64(event.Time))
	e.Text("actor", string(event.Actor))
	for _, optional := range [...]struct{ name, value string }{
		{"correlation", event.Correlation}, {"causation", event.Causation},
		{"deployment", event.Deployment}, {"trace", event.Trace},
	} {
		if optional.value != "" {
			e.Text(optional.name, optional.value)
		}
	}
	e.Name("resource")
	codec.AppendResource(e, entry.Resource)
}

// ReadCheckpoint reads what WriteCheckpoint wrote under the same model. Any
// error means: fold from the log instead. It is fs.ErrNotExist when there is
// none, ErrOtherModel when another model folded it.
func ReadCheckpoint(fsys disk.FS, path, model string) (*State, error) {
	data, err := disk.ReadFile(fsys, path)
	if err != nil {
		return nil, err
	}
	s, err := decodeCheckpoint(data, model)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", path, err)
	}
	return s, nil
}

func decodeCheckpoint(data []byte, model string) (*State, error) {
	const trailer = 9 // eight digits and a new line
	if len(data) < trailer {
		return nil, io.ErrUnexpectedEOF
	}
	body := data[:len(data)-trailer]
	sum, err := strconv.ParseUint(string(data[len(body):len(data)-1]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(body, castagnoli) {
		return nil, errors.New("its checksum (CRC-32C) does not match")
	}
	r := &checkpointReader{rest: body}
	s := New()
	header := r.next()
	switch {
	case r.err != nil:
		return nil, r.err
	case r.integer(header, "format") != checkpointFormat:
		return nil, errors.New("its format is unknown to this release")
	case r.text(header, "model") != model:
		return nil, ErrOtherModel
	}
	s.Position, s.Time = base.Position(r.integer(header, "position")), base.Time(r.integer(header, "time"))
	chain, err := hex.DecodeString(r.text(header, "chain"))
	if err != nil || len(chain) != len(s.Chain) {
		return nil, errors.New("its chain digest is none")
	}
	copy(s.Chain[:], chain)
	for range r.integer(header, "entries") {
		r.entry(s)
	}
	for range r.integer(header, "collections") {
		v := r.next()
		s.collections.Load(base.Ref(r.text(v, "collection")), base.Position(r.integer(v, "last")))
	}
	for range r.integer(header, "receipts") {
		r.receipt(s)
	}
	if r.err == nil && len(r.rest) > 0 {
		r.err = errors.New("it holds more than its header says")
	}
	return s, r.err
}

// checkpointReader hands out lines and keeps the first error.
type checkpointReader struct {
	rest []byte
	err  error
}

func (r *checkpointReader) next() *base.Value {
	if r.err != nil {
		return nil
	}
	text, rest, found := bytes.Cut(r.rest, []byte{'\n'})
	if !found {
		r.err = io.ErrUnexpectedEOF
		return nil
	}
	r.rest = rest
	v, fault := base.ReadJSON(text, logLimits)
	if fault != nil {
		r.err = fault
	}
	return v
}

func (r *checkpointReader) text(v *base.Value, name string) string {
	if member := v.Get(name); member != nil {
		return member.Text
	}
	return ""
}

func (r *checkpointReader) integer(v *base.Value, name string) int64 {
	n, err := strconv.ParseInt(r.text(v, name), 10, 64)
	if err != nil && r.err == nil {
		r.err = fmt.Errorf("%s is no number", name)
	}
	return n
}

func (r *checkpointReader) entry(s *State) {
	v := r.next()
	if r.err != nil {
		return
	}
	ref := base.Ref(r.text(v, "ref"))
	resource, err := decodeValue(v.Get("resource"))
	if err != nil {
		r.err = fmt.Errorf("%s: %w", ref, err)
		return
	}
	event := &domain.Event{
		Position: base.Position(r.integer(v, "position")), Subject: ref, Time: base.Time(r.integer(v, "time")),
		Actor: base.Ref(r.text(v, "actor")), Correlation: r.text(v, "correlation"), Causation: r.text(v, "causation"),
		Deployment: r.text(v, "deployment"), Trace: r.text(v, "trace"),
		Payload: origin{domain.Kind(r.text(v, "kind")), domain.EventType(r.text(v, "type"))},
	}
	s.entries.Load(ref, Entry{resource, event})
	s.relink(ref, nil, resource)
}

func (r *checkpointReader) receipt(s *State) {
	v := r.next()
	if r.err != nil {
		return
	}
	d := base.Decoder{Stored: true}
	receipt, err := decodeReceipt(&d, v)
	if err != nil {
		r.err = err
		return
	}
	receipt.Position, receipt.Time = base.Position(r.integer(v, "position")), base.Time(r.integer(v, "time"))
	s.receipts.add(receipt)
}

// decodeResource reads the stored form of a resource.
func decodeResource(stored []byte) (domain.Resource, error) {
	v, fault := base.ReadJSON(stored, logLimits)
	if fault != nil {
		return nil, fault
	}
	return decodeValue(v)
}

func decodeValue(v *base.Value) (domain.Resource, error) {
	if v == nil {
		return nil, errors.New("the resource is missing")
	}
	d := base.Decoder{Stored: true}
	resource := codec.DecodeResource(&d, v)
	if len(d.Violations) > 0 {
		return nil, errors.New(d.Violations[0].String())
	}
	if resource == nil {
		return nil, errors.New("its kind is unknown to this release")
	}
	return resource, nil
}
