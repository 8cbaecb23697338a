package results

import (
	"bufio"
	"io"
	"iter"

	"github.com/picloud/picloud/gen/base"
)

// Format is one of the four formats.
type Format uint8

// The formats, in the order in which a server prefers them.
const (
	JSON Format = iota + 1
	XML
	CSV
	TSV
)

// MediaType is the registered media type.
func (f Format) MediaType() string {
	switch f {
	case XML:
		return "application/sparql-results+xml"
	case CSV:
		return "text/csv; charset=utf-8"
	case TSV:
		return "text/tab-separated-values; charset=utf-8"
	}
	return "application/sparql-results+json"
}

// FormatOf finds a format by its media type without parameters, or by the short
// name that ?format= takes.
func FormatOf(name string) (Format, bool) {
	switch name {
	case "application/sparql-results+json", "application/json", "json", "srj":
		return JSON, true
	case "application/sparql-results+xml", "application/xml", "text/xml", "xml", "srx":
		return XML, true
	case "text/csv", "csv":
		return CSV, true
	case "text/tab-separated-values", "tsv":
		return TSV, true
	}
	return 0, false
}

// Rows are solutions: a term for each variable, the zero term where unbound. An
// error is the last pair.
type Rows = iter.Seq2[[]base.Term, error]

// Write writes the solutions of SELECT.
func Write(w io.Writer, f Format, vars []string, rows Rows) error {
	b := bufio.NewWriter(w)
	var err error
	switch f {
	case XML:
		err = writeXML(b, vars, rows)
	case CSV:
		err = writeCSV(b, vars, rows)
	case TSV:
		err = writeTSV(b, vars, rows)
	default:
		err = writeJSON(b, vars, rows)
	}
	if flushed := b.Flush(); err == nil {
		err = flushed
	}
	return err
}

// WriteBoolean writes the answer of ASK. CSV and TSV have no form for it; both
// give the bare word.
func WriteBoolean(w io.Writer, f Format, answer bool) error {
	word := "false"
	if answer {
		word = "true"
	}
	var text string
	switch f {
	case XML:
		text = xmlHead + "<head/>\n<boolean>" + word + "</boolean>\n</sparql>\n"
	case CSV:
		text = word + "\r\n"
	case TSV:
		text = word + "\n"
	default:
		text = `{"head":{},"boolean":` + word + "}\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
