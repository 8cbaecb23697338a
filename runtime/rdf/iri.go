package rdf

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/picloud/picloud/runtime/rdf/lex"
)

// ResolveIRI resolves a reference against an absolute base IRI (RFC 3986
// section 5.2, strict; on characters instead of octets, as RFC 3987 section 6.5
// says). A reference with a scheme is returned as it is: RDF compares IRIs as
// text, so normalising what is already absolute would make another name of it.
func ResolveIRI(base, ref string) (string, error) {
	if schemeEnd(ref) > 0 {
		return ref, nil
	}
	if base == "" {
		return "", fmt.Errorf("the reference <%s> is relative and there is no base IRI", clip(ref))
	}
	if schemeEnd(base) == 0 {
		return "", fmt.Errorf("the base IRI <%s> is not absolute", clip(base))
	}
	return split(base).resolve(split(ref)), nil
}

// CheckIRI reports why a string cannot stand as an absolute IRI: no scheme, or
// a character that the IRIREF production of Turtle forbids.
func CheckIRI(iri string) error {
	if !utf8.ValidString(iri) {
		return fmt.Errorf("the IRI %q is not valid UTF-8", clip(iri))
	}
	for _, r := range iri {
		if !lex.IsIRIChar(r) {
			return fmt.Errorf("%q is not allowed in the IRI %q", r, clip(iri))
		}
	}
	if schemeEnd(iri) == 0 {
		return fmt.Errorf("the IRI <%s> is not absolute; it needs a scheme, as in https://example.org/", clip(iri))
	}
	return nil
}

// schemeEnd is the length of the scheme that a reference begins with, 0 if none.
func schemeEnd(s string) int {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case c == ':':
			return i
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return 0
		}
	}
	return 0
}

// iriParts are the components of RFC 3986 section 3. A component that is there
// keeps its delimiter ("//host", "?q", "#f"), so that empty and absent differ.
type iriParts struct{ scheme, authority, path, query, fragment string }

func split(s string) (p iriParts) {
	if n := schemeEnd(s); n > 0 {
		p.scheme, s = s[:n+1], s[n+1:]
	}
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s, p.fragment = s[:i], s[i:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, p.query = s[:i], s[i:]
	}
	if strings.HasPrefix(s, "//") {
		end := len(s)
		if i := strings.IndexByte(s[2:], '/'); i >= 0 {
			end = i + 2
		}
		p.authority, s = s[:end], s[end:]
	}
	p.path = s
	return p
}

// resolve follows the pseudo-code of RFC 3986 section 5.2.2 for a reference
// without a scheme.
func (b iriParts) resolve(r iriParts) string {
	path, query := "", r.query
	authority := b.authority
	switch {
	case r.authority != "":
		authority, path = r.authority, removeDots(r.path)
	case r.path == "":
		path = b.path
		if query == "" {
			query = b.query
		}
	case strings.HasPrefix(r.path, "/"):
		path = removeDots(r.path)
	case b.authority != "" && b.path == "":
		path = removeDots("/" + r.path)
	default:
		path = removeDots(b.path[:strings.LastIndexByte(b.path, '/')+1] + r.path)
	}
	return b.scheme + authority + path + query + r.fragment
}

// removeDots is remove_dot_segments of RFC 3986 section 5.2.4.
func removeDots(in string) string {
	if !strings.Contains(in, ".") {
		return in
	}
	out := make([]byte, 0, len(in))
	dropLast := func() {
		out = out[:max(0, strings.LastIndexByte(string(out), '/'))]
	}
	for in != "" {
		switch {
		case strings.HasPrefix(in, "../"):
			in = in[3:]
		case strings.HasPrefix(in, "./"), strings.HasPrefix(in, "/./"): // "/./" leaves "/"
			in = in[2:]
		case in == "/.":
			in = "/"
		case strings.HasPrefix(in, "/../"):
			in = in[3:]
			dropLast()
		case in == "/..":
			in = "/"
			dropLast()
		case in == "." || in == "..":
			in = ""
		default:
			end := strings.IndexByte(in[1:], '/') + 1
			if end == 0 {
				end = len(in)
			}
			out = append(out, in[:end]...)
			in = in[end:]
		}
	}
	return string(out)
}

// clip keeps a text from flooding an error message.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
