package rdf

import "github.com/picloud/picloud/gen/base"

// AppendQuad appends a quad as a line of canonical N-Quads, its line feed
// included.
func AppendQuad(b []byte, q base.Quad) []byte { return appendNQuad(b, q) }

// appendNQuad appends a quad as a line of N-Quads, which for a quad of the
// default graph is a line of N-Triples. The form is canonical (RDF 1.2
// N-Quads, section 5): one space between terms, only the needed escapes.
func appendNQuad(b []byte, q base.Quad) []byte {
	b = appendTerm(b, q.S)
	b = append(b, ' ')
	b = appendTerm(b, q.P)
	b = append(b, ' ')
	b = appendTerm(b, q.O)
	if !q.G.IsZero() {
		b = append(b, ' ')
		b = appendTerm(b, q.G)
	}
	return append(b, " .\n"...)
}

// appendTerm appends a term in the syntax that all four text formats share.
func appendTerm(b []byte, t base.Term) []byte {
	switch t.Kind {
	case base.IRITerm:
		return appendIRI(b, t.Value)
	case base.BlankTerm:
		return append(append(b, "_:"...), t.Value...)
	default:
		b = appendString(b, t.Value)
		switch {
		case t.Lang != "":
			b = append(append(b, '@'), t.Lang...)
		case t.Datatype != base.XSDString:
			b = append(b, "^^"...)
			b = appendIRI(b, t.Datatype)
		}
		return b
	}
}

func appendIRI(b []byte, iri string) []byte {
	return append(append(append(b, '<'), iri...), '>')
}

// appendString appends a quoted string. Control characters are escaped, all
// other characters stand as they are.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7F {
			continue
		}
		b = append(b, s[from:i]...)
		b = appendEscaped(b, c)
		from = i + 1
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

func appendEscaped(b []byte, c byte) []byte {
	switch c {
	case '\t':
		return append(b, `\t`...)
	case '\b':
		return append(b, `\b`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\f':
		return append(b, `\f`...)
	case '"', '\\':
		return append(b, '\\', c)
	}
	const hex = "0123456789ABCDEF"
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}
