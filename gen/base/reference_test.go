package base_test

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
)

const root = "https://picloud.local"

func decoder(ref base.Ref, product base.Ref) *base.Decoder {
	d := &base.Decoder{Model: testModel(), Root: root}
	d.Address = base.Address{Ref: ref, Kind: "container", Name: ref.Name(), Product: product}
	return d
}

func TestReferencesAreReadInEveryForm(t *testing.T) {
	const shop = base.Ref("/products/shop")
	for _, test := range []struct {
		from        base.Ref
		text, class string
		want        string // a Ref, or the message
	}{
		{shop + "/containers/api", "db", "Secret", "/products/shop/secrets/db"},
		{shop + "/containers/api", "other/db", "Secret", "/products/other/secrets/db"},
		{shop + "/containers/api", "/secrets/db", "Secret", "/secrets/db"},
		{shop + "/containers/api", root + "/products/x/secrets/db", "Secret", "/products/x/secrets/db"},
		{"/roles/a", "db", "Secret", "/secrets/db"},
		{shop, "media", "Volume", "/products/shop/volumes/media"},
		{shop + "/containers/api", "pi-1", "Node", "/nodes/pi-1"},
		{shop + "/containers/api", "/", "Cluster", "/"},
		{shop + "/containers/api", root, "Cluster", "/"},
		{shop + "/ingresses/web", "containers/api", "Workload", "/products/shop/containers/api"},
		{shop + "/ingresses/web", "other/binaries/api", "Workload", "/products/other/binaries/api"},
		{shop + "/ingresses/web", "known", "Workload", "/products/shop/binaries/known"},
		{shop + "/ingresses/web", "other/known", "Workload", "/products/other/binaries/known"},
		{shop + "/ingresses/web", "api", "Workload", `no workload "api" is known; write containers/name or binaries/name`},
		{shop + "/ingresses/web", "/products/shop/secrets/db", "Workload", `"/products/shop/secrets/db" is a secret; expected container or binary`},
		{shop + "/containers/api", "/products/shop/secret/db", "Secret", `no kind has the path segment "secret"; did you mean "secrets"?`},
		{shop + "/containers/api", "/products/shop/secrts/db", "Secret", `no kind has the path segment "secrts"; did you mean "secrets"?`},
		{shop + "/containers/api", "/volumes/media", "Volume", `a volume belongs to a product; write /products/{product}/volumes/media`},
		{shop + "/containers/api", "/products/shop/nodes/pi", "Node", `a node belongs to no product; write /nodes/pi`},
		{shop + "/containers/api", "shop/pi", "Node", `a node belongs to no product; write "pi"`},
		{"/roles/a", "media", "Volume", `the product of "media" is not clear here; write "product/media"`},
		{shop + "/containers/api", "https://evil.example/products/shop/secrets/db", "Secret", `"https://evil.example/products/shop/secrets/db" is not below this cluster's address https://picloud.local`},
		{shop + "/containers/api", root + ".evil/secrets/db", "Secret", `"https://picloud.local.evil/secrets/db" is not below this cluster's address https://picloud.local`},
		{shop + "/containers/api", "/products/shop/secrets/../x", "Secret", `"/products/shop/secrets/../x" is no address of a resource; expected /products/{product}/{kinds}/{name} or /{kinds}/{name}`},
		{shop + "/containers/api", "/products/../secrets/x", "Secret", `".." is not a name; expected lower-case letters, digits and hyphens, beginning with a letter, at most 63`},
		{shop + "/containers/api", "..", "Secret", `".." is not a name; expected lower-case letters, digits and hyphens, beginning with a letter, at most 63`},
		{shop + "/containers/api", "Db", "Secret", `"Db" is not a name; expected lower-case letters, digits and hyphens, beginning with a letter, at most 63`},
		{shop + "/containers/api", "", "Secret", `"" is not a name; expected lower-case letters, digits and hyphens, beginning with a letter, at most 63`},
		{shop + "/containers/api", "a/b/c", "Secret", `"a/b/c" is no reference; write name or product/name`},
		{shop + "/containers/api", "/products/shop/secrets/db/", "Secret", `"/products/shop/secrets/db/" is no address of a resource; expected /products/{product}/{kinds}/{name} or /{kinds}/{name}`},
	} {
		d := decoder(test.from, test.from.Product())
		d.Resolve = func(class *base.Class, product base.Ref, name string) (base.Ref, bool) {
			return product + "/binaries/known", name == "known"
		}
		got := string(d.Ref(&base.Value{Kind: base.StringValue, Text: test.text, Line: 3, Column: 4}, test.class, "rule"))
		if got == "" && len(d.Violations) == 1 {
			got = d.Violations[0].Message
			if v := d.Violations[0]; v.Line != 3 || v.Column != 4 || v.Rule != "rule" {
				t.Errorf("%q: %+v", test.text, v)
			}
		}
		if got != test.want {
			t.Errorf("%s → %q as %s\n got %s\nwant %s", test.from, test.text, test.class, got, test.want)
		}
	}
}

func TestShortReferenceReadsBackAsTheSame(t *testing.T) {
	m := testModel()
	for _, from := range []base.Ref{"/products/shop/containers/api", "/products/shop", "/roles/a", "/"} {
		for class, refs := range map[string][]base.Ref{
			"Secret": {"/secrets/db", "/products/shop/secrets/db", "/products/x/secrets/db"},
			"Node":   {"/nodes/pi"},
			"Volume": {"/products/shop/volumes/media", "/products/x/volumes/media"},
		} {
			for _, ref := range refs {
				kind := m.Class(class)
				d := decoder(from, from.Product())
				text := ref.Short(from, kind.InCluster && kind.InProduct)
				if got := d.Ref(&base.Value{Kind: base.StringValue, Text: text}, class, ""); got != ref {
					t.Errorf("%s from %s is %q, read as %q: %v", ref, from, text, got, d.Violations)
				}
			}
		}
	}
}

func TestMembersThatContradictTheAddressAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"iri":"https://picloud.local/products/shop/containers/api","kind":"container","name":"api","product":"shop"}`: "",
		`{"product":"https://picloud.local/products/shop"}`:                                                             "",
		`{"iri":"https://picloud.local/products/shop/containers/web"}`:                                                  `iri: "https://picloud.local/products/shop/containers/web" contradicts the address, which says "https://picloud.local/products/shop/containers/api"`,
		`{"kind":"volume"}`:  `kind: "volume" contradicts the address, which says "container"`,
		`{"name":"web"}`:     `name: "web" contradicts the address, which says "api"`,
		`{"product":"blog"}`: `product: "blog" contradicts the address, which says "shop"`,
		`{"name":1}`:         `name: expected a string, found a number`,
	} {
		d := decoder("/products/shop/containers/api", "/products/shop")
		for m := range d.Members(read(t, text)) {
			d.Addressed(m)
		}
		var got []string
		for _, v := range d.Violations {
			got = append(got, v.Message)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: %s", text, strings.Join(got, "|"))
		}
	}
}

func TestSensitiveIsClearFromClientsAndSealedInTheLog(t *testing.T) {
	d := &base.Decoder{}
	if s := d.Sensitive(read(t, `"pw"`)); string(s.Clear) != "pw" || len(d.Violations) > 0 {
		t.Errorf("%v", d.Violations)
	}
	if d.Sensitive(read(t, `{"sealed":"AAAA","fingerprint":"f"}`)); len(d.Violations) != 1 {
		t.Error("a client may not send a sealed value")
	}
	e := base.Encoder{Stored: true}
	e.Begin()
	e.Sensitive("value", base.Sensitive{Sealed: []byte{1, 2, 3}, Fingerprint: "f"})
	e.End()
	d = &base.Decoder{Stored: true}
	s := d.Sensitive(read(t, string(e.Buffer)).Get("value"))
	if string(s.Sealed) != "\x01\x02\x03" || s.Fingerprint != "f" || len(d.Violations) > 0 {
		t.Errorf("%v", d.Violations)
	}
	for _, text := range []string{`{"sealed":"?","fingerprint":"f"}`, `{"sealed":"AAAA"}`, `"pw"`} {
		d = &base.Decoder{Stored: true}
		if d.Sensitive(read(t, text)); len(d.Violations) != 1 {
			t.Errorf("%s: %v", text, d.Violations)
		}
	}
}

func TestSetsAreSortedAndRefuseDuplicates(t *testing.T) {
	d := decoder("/products/shop/containers/api", "/products/shop")
	refs := base.ReadSet(d, read(t, `["b","/products/shop/roles/a"]`), "r", func(v *base.Value) base.Ref { return d.Ref(v, "Role", "r") })
	if len(d.Violations) > 0 || len(refs) != 2 || refs[0] != "/products/shop/roles/a" {
		t.Errorf("%v %v", refs, d.Violations)
	}
	base.ReadSet(d, read(t, `["b","B!","B!","/products/shop/roles/b"]`), "r", func(v *base.Value) base.Ref { return d.Ref(v, "Role", "r") })
	if len(d.Violations) != 3 || d.Violations[2].ID != "twice" || d.Violations[2].Column != 16 {
		t.Errorf("%+v", d.Violations)
	}
	d = decoder("/products/shop/containers/api", "/products/shop")
	base.ReadMap(d, read(t, `{"a":1,"/products/shop/volumes/a":2}`), "r",
		func(m *base.Member) base.Ref { return d.KeyRef(m, "Volume", "r") },
		func(m *base.Member) int64 { return d.Integer(m.Value) })
	if len(d.Violations) != 1 || d.Violations[0].ID != "twice" {
		t.Errorf("%+v", d.Violations)
	}
}
