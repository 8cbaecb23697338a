package rdf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	knakk "github.com/knakk/rdf"

	"github.com/picloud/picloud/gen/base"
)

// parseRDFXML reads RDF/XML through knakk/rdf, which is watched: a panic is an
// error, what it makes is checked.
func parseRDFXML(r io.Reader, o Options, f func(Statement) error) error {
	text, err := readBounded(r, o.MaxBytes)
	if err != nil {
		return err
	}
	if err := checkXML(text, o.MaxDepth); err != nil {
		return err
	}
	quads, err := decodeRDFXML(text, o.Base)
	if err != nil {
		return fmt.Errorf("RDF/XML: %w", err)
	}
	for i, q := range quads {
		quads[i].S, quads[i].O = o.apart(q.S), o.apart(q.O)
	}
	return o.handOver(quads, "RDF/XML", f)
}

// apart puts the prefix before a blank node of another parser's naming.
func (o Options) apart(t base.Term) base.Term {
	if t.Kind == base.BlankTerm {
		t.Value = o.BlankPrefix + t.Value
	}
	return t
}

// checkXML refuses deep nesting and document types, whose entities expand.
func checkXML(text []byte, most int) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = true
	for depth := 0; ; {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		line, column := d.InputPos()
		at := Pos{Line: line, Col: column}
		var syntax *xml.SyntaxError
		switch {
		case errors.As(err, &syntax):
			return &SyntaxError{Pos: at, Msg: "XML: " + syntax.Msg}
		case err != nil:
			return &SyntaxError{Pos: at, Msg: "XML: " + err.Error()}
		}
		switch token.(type) {
		case xml.StartElement:
			if depth++; depth > most {
				return &SyntaxError{Pos: at, Msg: fmt.Sprintf("nested deeper than %d levels; refused", most)}
			}
		case xml.EndElement:
			depth--
		}
	}
}

func decodeRDFXML(text []byte, baseIRI string) (quads []base.Quad, err error) {
	defer func() {
		if r := recover(); r != nil {
			quads, err = nil, errors.New("the document is malformed: an element or attribute stands where the grammar does not allow it")
		}
	}()
	d := knakk.NewTripleDecoder(bytes.NewReader(text), knakk.RDFXML)
	if baseIRI != "" {
		iri, err := knakk.NewIRI(baseIRI)
		if err != nil {
			return nil, err
		}
		if err := d.SetOption(knakk.Base, iri); err != nil {
			return nil, err
		}
	}
	for {
		t, err := d.Decode()
		if errors.Is(err, io.EOF) {
			return quads, nil
		}
		if err != nil {
			return nil, err
		}
		quads = append(quads, base.Quad{S: knakkTerm(t.Subj), P: knakkTerm(t.Pred), O: knakkTerm(t.Obj)})
	}
}

func knakkTerm(t knakk.Term) base.Term {
	switch t := t.(type) {
	case knakk.Blank:
		return base.Blank(t.String())
	case knakk.Literal:
		if t.Lang() != "" {
			return base.LangString(t.String(), t.Lang())
		}
		return base.Typed(t.String(), t.DataType.String())
	default:
		return base.IRI(t.String())
	}
}
