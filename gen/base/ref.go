package base

import (
	"strconv"
	"strings"
)

// Ref names a resource relative to the root of its cluster
// ("/products/photo-app/volumes/media-store"; the cluster itself is "/"). Log,
// state and backups hold references in this form, so that a cluster can be
// renamed or restored elsewhere; they become absolute IRIs at the edge and in
// the graph.
type Ref string

// Absolute is the IRI of the resource in the cluster with the given root,
// which has no trailing slash ("https://picloud.local"). What lies elsewhere is
// absolute already.
func (r Ref) Absolute(root string) string {
	if !strings.HasPrefix(string(r), "/") {
		return string(r)
	}
	return root + string(r)
}

// Name is the last segment of the path, "" for the cluster.
func (r Ref) Name() string { return string(r[strings.LastIndexByte(string(r), '/')+1:]) }

// Parent is the collection the resource lies in ("/products/photo-app/volumes").
func (r Ref) Parent() string { return string(r[:max(strings.LastIndexByte(string(r), '/'), 0)]) }

// Product is the product that the resource belongs to, or "" for a resource
// of the cluster. A product does not belong to itself.
func (r Ref) Product() Ref {
	rest, ok := strings.CutPrefix(string(r), "/products/")
	if !ok {
		return ""
	}
	name, below, ok := strings.Cut(rest, "/")
	if !ok || below == "" {
		return ""
	}
	return Ref("/products/" + name)
}

// Position counts events from 1 in the order of the log. It never repeats.
type Position uint64

func (p Position) String() string { return strconv.FormatUint(uint64(p), 10) }

// Ref is the address of the event at the position.
func (p Position) Ref() Ref { return Ref("/events/" + p.String()) }

// Reference is a declared pointer from one resource to another.
type Reference struct {
	Pointer  string // RFC 6901, in the declaring resource
	Target   Ref
	Class    string // name of the class that the target must be of
	OnDelete OnDelete
	Acyclic  bool   // following such references must never lead back
	Rule     string // IRI of the property shape
}

// OnDelete says what the deletion of a target does to those that refer to it.
type OnDelete uint8

const (
	Restrict OnDelete = iota // the deletion is refused
	Cascade                  // the referring resource is deleted too
	Clear                    // the reference is removed
)

// Fragment is the IRI of a nested object: {subject}#{path}/{step}/…, where the
// subject may itself be a fragment. Steps are percent-encoded except for the
// unreserved characters of RFC 3986, section 2.3.
func Fragment(subject Term, steps ...string) Term {
	var b strings.Builder
	b.WriteString(subject.Value)
	separator := byte('#')
	if strings.IndexByte(subject.Value, '#') >= 0 {
		separator = '/'
	}
	for _, step := range steps {
		b.WriteByte(separator)
		b.WriteString(EscapeSegment(step))
		separator = '/'
	}
	return IRI(b.String())
}

// EscapeSegment percent-encodes everything but the unreserved characters.
func EscapeSegment(s string) string {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if unreserved(s[i]) {
			continue
		}
		var b strings.Builder
		b.WriteString(s[:i])
		for ; i < len(s); i++ {
			if c := s[i]; unreserved(c) {
				b.WriteByte(c)
			} else {
				b.Write([]byte{'%', hex[c>>4], hex[c&15]})
			}
		}
		return b.String()
	}
	return s
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
