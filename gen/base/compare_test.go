package base

import (
	"slices"
	"testing"
)

func TestAbsenceEqualsAbsenceOnly(t *testing.T) {
	if !Same[int](nil, nil) || Same(nil, new(0)) || !Same(new(1), new(1)) || Same(new(1), new(2)) {
		t.Error("optional numbers")
	}
	a, b := equalled(1), equalled(2)
	if !Equal[equalled](nil, nil) || Equal(&a, nil) || Equal(nil, &a) || !Equal(&a, &a) || Equal(&a, &b) {
		t.Error("optional objects")
	}
}

type equalled int

func (e equalled) Equal(o equalled) bool { return e == o }

func TestMapsComeInTheOrderOfTheirKeys(t *testing.T) {
	var got []string
	for k, v := range Sorted(map[string]string{"c": "3", "a": "1", "b": "2"}) {
		if got = append(got, k+v); k == "b" {
			break
		}
	}
	if !slices.Equal(got, []string{"a1", "b2"}) {
		t.Errorf("got %q", got)
	}
}

func TestWithoutLeavesTheOriginal(t *testing.T) {
	set := []Ref{"/a", "/b", "/c"}
	if got := Without(set, "/b"); !slices.Equal(got, []Ref{"/a", "/c"}) || len(set) != 3 || set[1] != "/b" {
		t.Errorf("got %q of %q", got, set)
	}
	if Without([]Ref{"/b"}, "/b") != nil {
		t.Error("an empty set is not absent")
	}
}

func TestSealedValueIsKeptReplacedOrRemoved(t *testing.T) {
	kept := Sensitive{Sealed: []byte("1"), Fingerprint: "f"}
	given := Sensitive{Sealed: []byte("2"), Fingerprint: "g"}
	if got := (Sensitive{}).Kept(kept); !got.Same(kept) {
		t.Error("absence is no change")
	}
	if got := given.Kept(kept); !got.Same(given) {
		t.Error("a new value replaces the old")
	}
	if got := (Sensitive{Removed: true}).Kept(kept); !got.IsZero() {
		t.Error("it was removed")
	}
	if !kept.Same(Sensitive{Sealed: []byte("sealed anew"), Fingerprint: "f"}) || kept.Same(Sensitive{}) {
		t.Error("equal fingerprints mean equal values, and nothing else does")
	}
}

func TestReferencesAreGatheredWithTheirPlaces(t *testing.T) {
	r := References{From: "/products/shop/containers/api"}
	r.Add("identity", "", Reference{})
	r.Enter("mounts")
	r.AddKey("/products/other/volumes/media", false, Reference{Class: "Volume"})
	r.EnterKey("/products/shop/volumes/own", false)
	r.AddSet("roles", []Ref{"/roles/a", "/roles/b"}, Reference{Class: "Role", OnDelete: Clear})
	r.Leave()
	r.Leave()
	var got []string
	for _, ref := range r.List {
		got = append(got, ref.Pointer+" "+string(ref.Target))
	}
	want := []string{"/mounts/other~1media /products/other/volumes/media", "/mounts/own/roles /roles/a", "/mounts/own/roles /roles/b"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestUnreadableValueIsNotMeasuredToo(t *testing.T) {
	var c Check
	c.Add("type", "size", "", "", "size: expected a number, found a string")
	c.Integer("size", "", 0, 1, 9, PlainSyntax)
	c.Texts("args", "", []string{"ok", "much too long"}, 1, 5, nil, "a word")
	var got []string
	for _, v := range c.Violations {
		got = append(got, v.Pointer+" "+v.Message)
	}
	want := []string{"/size size: expected a number, found a string", "/args/1 args[1] must have at most 5 characters, has 13"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
