package dataset_test

import (
	"bytes"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/dataset"
)

// What the log says of quads is read or refused, and what is read is written
// again in one way only.
func FuzzUnpack(f *testing.F) {
	codec, err := dataset.NewCodec()
	if err != nil {
		f.Fatal(err)
	}
	defer codec.Close()
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{
		"", "\n", "<a:> <a:> <a:> .\n", "_:genid1 <a:b> \"c\\n\\u00E9\"@en <a:g> .\n_:genid1x <a:b> \"c\"^^<a:t> _:g .\n", "<a:> <a:> .\n", "# a comment\n",
	} {
		f.Add(encoder.EncodeAll([]byte(text), nil))
	}
	packed, err := codec.Pack([]base.Quad{quad(1), quad(2)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add(packed[:len(packed)-1])
	f.Fuzz(func(t *testing.T, packed []byte) {
		quads, err := codec.Unpack(packed)
		if err != nil {
			return
		}
		once, err := codec.Pack(quads)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		again, err := codec.Unpack(once)
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		twice, err := codec.Pack(again)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("it is written in two ways, %v", err)
		}
	})
}
