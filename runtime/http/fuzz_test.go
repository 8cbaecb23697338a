package http

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
)

// FuzzRequests reads bodies as the handlers do, without a cluster behind them.
// Whatever is sent, reading ends with commands or with an error for the
// caller; what could be read is written and read again as the same.
func FuzzRequests(f *testing.F) {
	files, _ := filepath.Glob("../../ontology/examples/kinds/*.ttl")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		word, _, _ := strings.Cut(filepath.Base(file), ".")
		f.Add(word, "text/turtle", text)
	}
	f.Add("container", JSON.Media, []byte(`{"image":"a:1","args":["--x"],"env":{"A":{"value":"b"},"C":{"secret":"s"}},"mounts":{"m":{"path":"/d"}},"replicas":2}`))
	f.Add("volume", JSON.Media, []byte(`{"size":1073741824,"tags":{"a":"b"},"storageIntent":{"snapshots":{"enabled":true}}}`))
	f.Add("volume", mediaMergePatch, []byte(`{"size":null,"tags":{"a":null,"b":"c"}}`))
	f.Add("secret", mediaMergePatch, []byte(`{"value":null}`))
	f.Add("product", "apply", []byte(`{"resources":[{"kind":"product","iri":"/products/shop","version":"1.0.0"},{"kind":"volume","iri":"/products/shop/volumes/m","size":1073741824}]}`))
	f.Add("volume", JSONLD.Media, []byte(`{"@context":{"@vocab":"https://picloud.local/ontology#"},"@id":"","@type":"Volume","size":1073741824}`))
	f.Add("volume", NTriples.Media, []byte("<https://picloud.local/products/shop/volumes/x> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://picloud.local/ontology#Volume> .\n"))

	s := &Server{root: "https://picloud.local"}
	f.Fuzz(func(t *testing.T, word, media string, body []byte) {
		class := schema.Model.Kind(word)
		if class == nil || class.Origin != base.Declared || len(body) > 1<<16 {
			return
		}
		if media == "apply" || media == "apply+ttl" {
			fuzzApply(t, s, media, body)
			return
		}
		ref := base.Ref("/" + class.Segment + "/x")
		switch {
		case class.Singleton:
			ref = "/"
		case !class.InCluster:
			ref = "/products/shop" + ref
		}
		if media == mediaMergePatch {
			patch, err := readJSON(body)
			if err == nil && patch.Kind == base.ObjectValue {
				fuzzDecode(t, class, ref, base.MergePatch(&base.Value{Kind: base.ObjectValue}, patch))
			}
			expected(t, err)
			return
		}
		if !contains(resourceBodies, media) {
			return
		}
		v, err := s.readResource(body, media, class, ref)
		expected(t, err)
		if err == nil {
			fuzzDecode(t, class, ref, v)
		}
	})
}

func fuzzApply(t *testing.T, s *Server, media string, body []byte) {
	if media == "apply" {
		media = JSON.Media
	} else {
		media = Turtle.Media
	}
	list, err := s.readDeployment(body, media)
	expected(t, err)
	for _, d := range list {
		if d.class == nil || d.value == nil {
			t.Fatalf("%v was read without kind or value", d.address)
		}
		fuzzDecode(t, d.class, d.address.Ref, d.value)
	}
}

// expected fails for errors that callers could do nothing with.
func expected(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if e, ok := err.(*base.Error); !ok || e.Code == base.Internal {
		t.Fatalf("not meant for callers: %T %v", err, err)
	}
}

// fuzzDecode decodes a value, and what it means once more.
func fuzzDecode(t *testing.T, class *base.Class, ref base.Ref, v *base.Value) {
	t.Helper()
	decode := func(v *base.Value) (domain.Command, *base.Decoder) {
		d := &base.Decoder{
			Check: base.Check{Resource: ref}, Model: schema.Model, Root: "https://picloud.local",
			Address: base.Address{Ref: ref, Kind: class.Word, Name: ref.Name(), Product: ref.Product()},
		}
		c := codec.DecodeDeclare(d, domain.Kind(class.Word), v, "")
		if c != nil {
			c.Validate(&d.Check)
		}
		return c, d
	}
	c, d := decode(v)
	if c == nil || len(d.Violations) > 0 {
		return
	}
	text := base.AppendValue(nil, v)
	again, fault := base.ReadJSON(text, base.Limits{Bytes: len(text) + 1})
	if fault != nil {
		t.Fatalf("what was read cannot be read again: %v\n%s", fault, text)
	}
	if _, d := decode(again); len(d.Violations) > 0 {
		t.Fatalf("what was valid is no longer: %v\n%s", d.Violations, text)
	}
}
