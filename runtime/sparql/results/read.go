package results

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"

	"github.com/picloud/picloud/gen/base"
)

// Table is a whole result in memory: of SELECT, or of ASK where Boolean is set.
type Table struct {
	Vars    []string
	Rows    [][]base.Term
	Boolean *bool
}

// ReadJSON reads the JSON format.
func ReadJSON(r io.Reader) (*Table, error) {
	var doc struct {
		Head struct {
			Vars []string `json:"vars"`
		} `json:"head"`
		Boolean *bool `json:"boolean"`
		Results *struct {
			Bindings []map[string]jsonTerm `json:"bindings"`
		} `json:"results"`
	}
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("reading JSON results: %w", err)
	}
	t := &Table{Vars: doc.Head.Vars, Boolean: doc.Boolean}
	if doc.Results == nil {
		return t, nil
	}
	for _, b := range doc.Results.Bindings {
		row := make([]base.Term, len(t.Vars))
		for i, v := range t.Vars {
			term, err := b[v].term()
			if err != nil {
				return nil, err
			}
			row[i] = term
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

type jsonTerm struct {
	Type     string `json:"type"`
	Value    string `json:"value"`
	Lang     string `json:"xml:lang"`
	Datatype string `json:"datatype"`
}

func (j jsonTerm) term() (base.Term, error) {
	switch j.Type {
	case "":
		return base.Term{}, nil
	case "uri":
		return base.IRI(j.Value), nil
	case "bnode":
		return base.Blank(j.Value), nil
	case "literal", "typed-literal":
		return literal(j.Value, j.Lang, j.Datatype), nil
	}
	return base.Term{}, fmt.Errorf("reading JSON results: %q is no type of term", j.Type)
}

func literal(value, lang, datatype string) base.Term {
	switch {
	case lang != "":
		return base.LangString(value, lang)
	case datatype != "":
		return base.Typed(value, datatype)
	}
	return base.String(value)
}

// ReadXML reads the XML format.
func ReadXML(r io.Reader) (*Table, error) {
	var doc struct {
		XMLName xml.Name `xml:"sparql"`
		Vars    []struct {
			Name string `xml:"name,attr"`
		} `xml:"head>variable"`
		Boolean *bool       `xml:"boolean"`
		Results []xmlResult `xml:"results>result"`
	}
	if err := xml.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("reading XML results: %w", err)
	}
	t := &Table{Boolean: doc.Boolean}
	column := map[string]int{}
	for i, v := range doc.Vars {
		t.Vars = append(t.Vars, v.Name)
		column[v.Name] = i
	}
	for _, result := range doc.Results {
		row := make([]base.Term, len(t.Vars))
		for _, b := range result.Bindings {
			i, ok := column[b.Name]
			if !ok {
				return nil, fmt.Errorf("reading XML results: the variable %q is not in the head", b.Name)
			}
			row[i] = b.term()
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

type xmlResult struct {
	Bindings []xmlBinding `xml:"binding"`
}

type xmlBinding struct {
	Name    string  `xml:"name,attr"`
	URI     *string `xml:"uri"`
	Blank   *string `xml:"bnode"`
	Literal *struct {
		Lang     string `xml:"http://www.w3.org/XML/1998/namespace lang,attr"`
		Datatype string `xml:"datatype,attr"`
		Value    string `xml:",chardata"`
	} `xml:"literal"`
}

func (b xmlBinding) term() base.Term {
	switch {
	case b.URI != nil:
		return base.IRI(*b.URI)
	case b.Blank != nil:
		return base.Blank(*b.Blank)
	case b.Literal != nil:
		return literal(b.Literal.Value, b.Literal.Lang, b.Literal.Datatype)
	}
	return base.Term{}
}
