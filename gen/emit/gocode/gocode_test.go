package gocode

import "testing"

func TestCodeImportsWhatItNames(t *testing.T) {
	f := NewFile("generated/codec", "volume.go", "ontology/storage.ttl")
	f.Doc("Size is a size.")
	f.Func("Size(v *domain.Volume) int64", func(b *Block) {
		b.Note("a text is not a name")
		b.If("v == nil", func(b *Block) { b.Do("return int64(len(%q))", "maps.Keys") })
		b.Switch("v.Mode", func(b *Block) {
			b.Case(`"raw"`, func(b *Block) { b.Do("return 0") })
			b.Case("", func(b *Block) { b.Do("return v.base.Size") })
		})
	})
	got, err := f.Render()
	if err != nil {
		t.Fatal(err)
	}
	const want = `package codec

import "github.com/picloud/picloud/generated/domain"

// Size is a size.
func Size(v *domain.Volume) int64 {
	// a text is not a name
	if v == nil {
		return int64(len("maps.Keys"))
	}
	switch v.Mode {
	case "raw":
		return 0
	default:
		return v.base.Size
	}
}
`
	if string(got.Content) != want {
		t.Errorf("got\n%s\nwant\n%s", got.Content, want)
	}
	if got.Path != "generated/codec/volume.go" || got.Source != "ontology/storage.ttl" {
		t.Errorf("got path %q, source %q", got.Path, got.Source)
	}
}

func TestWrongCodeIsNamedWithItsFile(t *testing.T) {
	f := NewFile("generated/codec", "volume.go", "")
	f.Go("func (")
	if _, err := f.Render(); err == nil {
		t.Error("want an error")
	}
}
