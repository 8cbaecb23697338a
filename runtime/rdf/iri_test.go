package rdf_test

import (
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/rdf"
)

// The examples of RFC 3986 sections 5.4.1 and 5.4.2, without those that have a
// scheme of their own.
func TestReferencesResolveAsRFC3986Says(t *testing.T) {
	const base = "http://a/b/c/d;p?q"
	for line := range strings.Lines(`g http://a/b/c/g
./g http://a/b/c/g
g/ http://a/b/c/g/
/g http://a/g
//g http://g
?y http://a/b/c/d;p?y
g?y http://a/b/c/g?y
#s http://a/b/c/d;p?q#s
g#s http://a/b/c/g#s
g?y#s http://a/b/c/g?y#s
;x http://a/b/c/;x
g;x http://a/b/c/g;x
g;x?y#s http://a/b/c/g;x?y#s
. http://a/b/c/
./ http://a/b/c/
.. http://a/b/
../ http://a/b/
../g http://a/b/g
../.. http://a/
../../ http://a/
../../g http://a/g
../../../g http://a/g
../../../../g http://a/g
/./g http://a/g
/../g http://a/g
g. http://a/b/c/g.
.g http://a/b/c/.g
g.. http://a/b/c/g..
..g http://a/b/c/..g
./../g http://a/b/g
./g/. http://a/b/c/g/
g/./h http://a/b/c/g/h
g/../h http://a/b/c/h
g;x=1/./y http://a/b/c/g;x=1/y
g;x=1/../y http://a/b/c/y
g?y/./x http://a/b/c/g?y/./x
g?y/../x http://a/b/c/g?y/../x
g#s/./x http://a/b/c/g#s/./x
g#s/../x http://a/b/c/g#s/../x
`) {
		ref, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		if got, err := rdf.ResolveIRI(base, ref); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", ref, got, err, want)
		}
	}
	for _, c := range [][3]string{
		{base, "", base},
		{"http://a#f", "", "http://a"},
		{"http://a", "b", "http://a/b"},
		{"http://a?x", "b", "http://a/b"},
		{"urn:a:b", "#f", "urn:a:b#f"},
		{base, "mailto:x/../y", "mailto:x/../y"},
	} {
		if got, err := rdf.ResolveIRI(c[0], c[1]); err != nil || got != c[2] {
			t.Errorf("%s in %s: got %s, %v, want %s", c[1], c[0], got, err, c[2])
		}
	}
	for _, bad := range []string{"", "a/b", "//a"} {
		if got, err := rdf.ResolveIRI(bad, "x"); err == nil {
			t.Errorf("base %q: got %s, want an error", bad, got)
		}
	}
}

func TestAnIRIIsAbsoluteAndHasNoForbiddenCharacter(t *testing.T) {
	for iri, good := range map[string]bool{
		"https://picloud.local/images/a@sha256:0f": true, "urn:x": true, "https://é/ü": true, "a+b.c-1:": true,
		"": false, "a": false, "1a:b": false, "http://a b": false, "http://a\n": false, "http://<": false, "http://\xff": false, ":a": false, "http://\x00": false,
	} {
		if err := rdf.CheckIRI(iri); (err == nil) != good {
			t.Errorf("%q: %v", iri, err)
		}
	}
}
