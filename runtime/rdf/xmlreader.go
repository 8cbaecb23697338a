package rdf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"maps"
	"regexp"
	"strings"

	"github.com/picloud/picloud/runtime/rdf/lex"
)

const xmlNS = "http://www.w3.org/XML/1998/namespace"

// entityMax bounds an entity of a document type in bytes; entities do not
// refer to others, so a text grows by no more than this factor.
const entityMax = 256

var entity = regexp.MustCompile(`<!ENTITY\s+([A-Za-z_][\w.-]*)\s+(?:"([^"&%<]*)"|'([^'&%<]*)')\s*>`)

// xmlReader gives the elements of an XML text with their names resolved, and
// checks what encoding/xml's raw tokens do not: nesting, prefixes, depth.
type xmlReader struct {
	d        *xml.Decoder
	maxDepth int
	open     []xml.Name // as written
}

// scope is what an element passes on to those in it.
type scope struct {
	base       string
	lang       string
	namespaces map[string]string
}

// element is a start tag.
type element struct {
	scope
	at         Pos
	raw        xml.StartElement // names as written: the prefix in Space
	name       string           // IRI
	attributes []attribute      // without xmlns and xml:…
}

type attribute struct{ name, value string }

func newXMLReader(text []byte, maxDepth int) *xmlReader {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Entity = map[string]string{}
	return &xmlReader{d: d, maxDepth: maxDepth}
}

func (x *xmlReader) pos() Pos {
	line, column := x.d.InputPos()
	return Pos{Line: line, Col: max(1, column)}
}

// next is the next start tag, end tag or text; io.EOF behind the root.
func (x *xmlReader) next() (token xml.Token, at Pos, err error) {
	for {
		at = x.pos()
		token, err = x.d.RawToken()
		if errors.Is(err, io.EOF) && len(x.open) > 0 {
			return nil, at, lex.Errorf(at, "XML: the element %s is not closed", written(x.open[len(x.open)-1]))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			var syntax *xml.SyntaxError
			if errors.As(err, &syntax) {
				return nil, at, lex.Errorf(x.pos(), "XML: %s", syntax.Msg)
			}
			return nil, at, lex.Errorf(x.pos(), "XML: %v", err)
		}
		switch t := token.(type) {
		case nil, xml.CharData:
			return token, at, err
		case xml.StartElement:
			if x.open = append(x.open, t.Name); len(x.open) > x.maxDepth {
				return nil, at, lex.Errorf(at, "nested deeper than %d levels; refused", x.maxDepth)
			}
			return t, at, nil
		case xml.EndElement:
			last := len(x.open) - 1
			if last < 0 || x.open[last] != t.Name {
				return nil, at, lex.Errorf(at, "XML: </%s> closes no open element", written(t.Name))
			}
			x.open = x.open[:last]
			return t, at, nil
		case xml.Directive:
			if err := x.entities("<!"+string(t)+">", at); err != nil {
				return nil, at, err
			}
		}
	}
}

// entities learns the plain entities of a document type.
func (x *xmlReader) entities(directive string, at Pos) error {
	for _, m := range entity.FindAllStringSubmatch(directive, -1) {
		value := m[2] + m[3]
		if len(value) > entityMax {
			return lex.Errorf(at, "the entity %s is longer than %d bytes; refused", m[1], entityMax)
		}
		x.d.Entity[m[1]] = value
	}
	return nil
}

func written(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// enter resolves the names of a start tag (Namespaces in XML 1.0).
func (s scope) enter(start xml.StartElement, at Pos) (element, error) {
	e := element{scope: s, at: at, raw: start.Copy()}
	copied := false
	for _, a := range start.Attr {
		prefix, ok := a.Name.Local, a.Name.Space == "xmlns"
		if !ok && a.Name == (xml.Name{Local: "xmlns"}) {
			prefix, ok = "", true
		}
		if !ok {
			continue
		}
		if !copied {
			e.namespaces, copied = maps.Clone(s.namespaces), true
		}
		e.namespaces[prefix] = a.Value
	}
	for _, a := range start.Attr {
		switch {
		case a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}):
		case a.Name.Space == "xml" && a.Name.Local == "lang":
			e.lang = a.Value
		case a.Name.Space == "xml" && a.Name.Local == "base":
			base, err := ResolveIRI(s.base, a.Value)
			if err != nil {
				return e, lex.Errorf(at, "xml:base: %v", err)
			}
			e.base, _, _ = strings.Cut(base, "#")
		case strings.HasPrefix(strings.ToLower(written(a.Name)), "xml"):
		case a.Name.Space == "":
			return e, lex.Errorf(at, "the attribute %s has no namespace", a.Name.Local)
		default:
			namespace, ok := e.namespaces[a.Name.Space]
			if !ok {
				return e, lex.Errorf(at, "the prefix %s: is not declared", a.Name.Space)
			}
			e.attributes = append(e.attributes, attribute{namespace + a.Name.Local, a.Value})
		}
	}
	namespace, ok := e.namespaces[start.Name.Space]
	if !ok || namespace == "" {
		return e, lex.Errorf(at, "the element %s has no namespace", written(start.Name))
	}
	e.name = namespace + start.Name.Local
	return e, nil
}
