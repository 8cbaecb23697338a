package results

import "github.com/picloud/picloud/gen/base"

// AppendBinding appends one solution as an object of JSON, as it stands among
// the bindings of SPARQL 1.1 Query Results JSON (section 3.2.1). Equal solutions
// of one query give equal bytes, others give others.
func AppendBinding(b []byte, vars []string, row []base.Term) []byte {
	b = append(b, '{')
	comma := false
	for i, t := range row {
		if t.Kind == base.NoTerm {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = append(base.AppendString(b, vars[i]), ':')
		b = appendTerm(b, t)
	}
	return append(b, '}')
}

func appendTerm(b []byte, t base.Term) []byte {
	switch t.Kind {
	case base.IRITerm:
		b = append(b, `{"type":"uri","value":`...)
	case base.BlankTerm:
		b = append(b, `{"type":"bnode","value":`...)
	default:
		b = append(b, `{"type":"literal","value":`...)
	}
	b = base.AppendString(b, t.Value)
	switch {
	case t.Kind != base.LiteralTerm:
	case t.Lang != "":
		b = base.AppendString(append(b, `,"xml:lang":`...), t.Lang)
	case t.Datatype != base.XSDString:
		b = base.AppendString(append(b, `,"datatype":`...), t.Datatype)
	}
	return append(b, '}')
}
