package results

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

func writeJSON(w *bufio.Writer, vars []string, rows Rows) error {
	w.WriteString(`{"head":{"vars":[`)
	names := make([]string, len(vars))
	for i, v := range vars {
		names[i] = quoteJSON(v)
	}
	w.WriteString(strings.Join(names, ",") + `]},"results":{"bindings":[`)
	separator := "\n"
	for row, err := range rows {
		if err != nil {
			return err
		}
		w.WriteString(separator + "{")
		separator = ",\n"
		comma := ""
		for i, t := range row {
			if t.Kind == base.NoTerm {
				continue
			}
			w.WriteString(comma + names[i] + ":")
			comma = ","
			writeTermJSON(w, t)
		}
		// A bufio.Writer keeps its first error: looking at one is enough.
		if err := w.WriteByte('}'); err != nil {
			return err
		}
	}
	_, err := w.WriteString("\n]}}\n")
	return err
}

func writeTermJSON(w *bufio.Writer, t base.Term) {
	switch t.Kind {
	case base.IRITerm:
		w.WriteString(`{"type":"uri","value":` + quoteJSON(t.Value) + "}")
	case base.BlankTerm:
		w.WriteString(`{"type":"bnode","value":` + quoteJSON(t.Value) + "}")
	default:
		w.WriteString(`{"type":"literal","value":` + quoteJSON(t.Value))
		switch {
		case t.Lang != "":
			w.WriteString(`,"xml:lang":` + quoteJSON(t.Lang))
		case t.Datatype != base.XSDString:
			w.WriteString(`,"datatype":` + quoteJSON(t.Datatype))
		}
		w.WriteByte('}')
	}
}

func quoteJSON(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// A string cannot fail to encode, and a Builder cannot fail to take it.
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

const xmlHead = xml.Header + `<sparql xmlns="http://www.w3.org/2005/sparql-results#">` + "\n"

func writeXML(w *bufio.Writer, vars []string, rows Rows) error {
	w.WriteString(xmlHead + "<head>")
	for _, v := range vars {
		w.WriteString(`<variable name="` + escapeXML(v) + `"/>`)
	}
	w.WriteString("</head>\n<results>\n")
	for row, err := range rows {
		if err != nil {
			return err
		}
		w.WriteString("<result>")
		for i, t := range row {
			if t.Kind != base.NoTerm {
				w.WriteString(`<binding name="` + escapeXML(vars[i]) + `">` + termXML(t) + "</binding>")
			}
		}
		if _, err := w.WriteString("</result>\n"); err != nil {
			return err
		}
	}
	_, err := w.WriteString("</results>\n</sparql>\n")
	return err
}

func termXML(t base.Term) string {
	text := escapeXML(t.Value)
	switch {
	case t.Kind == base.IRITerm:
		return "<uri>" + text + "</uri>"
	case t.Kind == base.BlankTerm:
		return "<bnode>" + text + "</bnode>"
	case t.Lang != "":
		return `<literal xml:lang="` + escapeXML(t.Lang) + `">` + text + "</literal>"
	case t.Datatype != base.XSDString:
		return `<literal datatype="` + escapeXML(t.Datatype) + `">` + text + "</literal>"
	}
	return "<literal>" + text + "</literal>"
}

// escapeXML writes line ends and tabs as references, so that a parser's
// normalisation leaves them alone, and U+FFFD for what XML cannot hold.
func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}

func writeCSV(w *bufio.Writer, vars []string, rows Rows) error {
	w.WriteString(strings.Join(vars, ",") + "\r\n")
	for row, err := range rows {
		if err != nil {
			return err
		}
		for i, t := range row {
			if i > 0 {
				w.WriteByte(',')
			}
			w.WriteString(quoteCSV(plainTerm(t)))
		}
		if _, err := w.WriteString("\r\n"); err != nil {
			return err
		}
	}
	return nil
}

// plainTerm is a term as CSV gives it: no sign of what kind it is.
func plainTerm(t base.Term) string {
	if t.Kind == base.BlankTerm {
		return "_:" + t.Value
	}
	return t.Value
}

func quoteCSV(s string) string {
	if !strings.ContainsAny(s, "\",\r\n") {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

func writeTSV(w *bufio.Writer, vars []string, rows Rows) error {
	for i, v := range vars {
		if i > 0 {
			w.WriteByte('\t')
		}
		w.WriteString("?" + v)
	}
	w.WriteByte('\n')
	for row, err := range rows {
		if err != nil {
			return err
		}
		for i, t := range row {
			if i > 0 {
				w.WriteByte('\t')
			}
			w.WriteString(termTSV(t))
		}
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return nil
}

// termTSV writes a term as Turtle does, on one line and without tabs.
func termTSV(t base.Term) string {
	switch t.Kind {
	case base.NoTerm:
		return ""
	case base.IRITerm:
		return "<" + t.Value + ">"
	case base.BlankTerm:
		return "_:" + t.Value
	}
	if isBareNumber(t) {
		return t.Value
	}
	text := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(t.Value) + `"`
	switch {
	case t.Lang != "":
		return text + "@" + t.Lang
	case t.Datatype != base.XSDString:
		return text + "^^<" + t.Datatype + ">"
	}
	return text
}

// isBareNumber reports a number that Turtle reads without quotes as the same
// term.
func isBareNumber(t base.Term) bool {
	digits := strings.TrimLeft(t.Value, "+-")
	if len(t.Value)-len(digits) > 1 || digits == "" {
		return false
	}
	whole, fraction, hasPoint := strings.Cut(digits, ".")
	isDigits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	switch t.Datatype {
	case base.XSDInteger:
		return isDigits(digits)
	case base.XSDDecimal:
		return hasPoint && fraction != "" && isDigits(whole) && isDigits(fraction)
	case base.XSDDouble:
		mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(digits), "e")
		whole, fraction, _ := strings.Cut(mantissa, ".")
		exponent = strings.TrimLeft(exponent, "+-")
		return hasExponent && exponent != "" && whole+fraction != "" && isDigits(whole) && isDigits(fraction) && isDigits(exponent)
	}
	return false
}
