package rdf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/piprate/json-gold/ld"

	"github.com/picloud/picloud/gen/base"
)

const rdfJSON = base.RDF + "JSON"

// parseJSONLD reads JSON-LD 1.1 through json-gold, which is watched: nothing is
// fetched, a panic is an error, what it would silently drop or make up is
// refused.
func parseJSONLD(r io.Reader, o Options, f func(Statement) error) error {
	text, err := readBounded(r, o.MaxBytes)
	if err != nil {
		return err
	}
	if err := checkJSON(text, o); err != nil {
		return err
	}
	quads, err := expandJSONLD(text, o.Base)
	if err != nil {
		return fmt.Errorf("JSON-LD: %w", err)
	}
	for _, q := range quads {
		if q, err = o.foreign(q); err != nil {
			return fmt.Errorf("JSON-LD: %w", err)
		}
		if q.O.Datatype == rdfJSON && !json.Valid([]byte(q.O.Value)) {
			return fmt.Errorf("JSON-LD: the @json value of <%s> cannot be written as JSON", clip(q.P.Value))
		}
		if err := f(Statement{Quad: q}); err != nil {
			return err
		}
	}
	return nil
}

// foreign checks a quad that another parser made, and keeps blank nodes apart.
func (o Options) foreign(q base.Quad) (base.Quad, error) {
	for _, t := range [4]*base.Term{&q.S, &q.P, &q.O, &q.G} {
		switch {
		case t.Kind == base.BlankTerm:
			t.Value = o.BlankPrefix + t.Value
		case t.Kind == base.IRITerm && len(t.Value) > o.MaxIRI:
			return q, fmt.Errorf("an IRI longer than %d bytes is refused", o.MaxIRI)
		case t.Kind == base.LiteralTerm && len(t.Value) > o.MaxLiteral:
			return q, fmt.Errorf("a literal longer than %d bytes is refused", o.MaxLiteral)
		}
	}
	return q, checkQuad(q, true)
}

func readBounded(r io.Reader, most int) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("a text longer than %d bytes is refused", most)
	}
	return text, err
}

// noDocuments is a loader of remote contexts that refuses all of them.
type noDocuments struct{}

func (noDocuments) LoadDocument(iri string) (*ld.RemoteDocument, error) {
	return nil, ld.NewJsonLdError(ld.LoadingRemoteContextFailed, fmt.Errorf("<%s>: remote contexts are refused; put the @context into the document", clip(iri)))
}

func expandJSONLD(text []byte, baseIRI string) (quads []base.Quad, err error) {
	defer func() {
		if r := recover(); r != nil {
			quads, err = nil, errors.New("the document is malformed: a value stands where its keyword does not allow it")
		}
	}()
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	options := ld.NewJsonLdOptions(baseIRI)
	options.DocumentLoader = noDocuments{}
	options.SafeMode = true
	answer, err := ld.NewJsonLdProcessor().ToRDF(document, options)
	if err != nil {
		return nil, err
	}
	dataset, ok := answer.(*ld.RDFDataset)
	if !ok {
		return nil, fmt.Errorf("unexpected answer %T", answer)
	}
	for _, name := range sortedKeys(dataset.Graphs) {
		graph := base.Term{}
		if name != "@default" {
			graph = goldResource(name)
		}
		for _, q := range dataset.Graphs[name] {
			quads = append(quads, base.Quad{S: goldTerm(q.Subject), P: goldTerm(q.Predicate), O: goldTerm(q.Object), G: graph})
		}
	}
	return quads, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func goldResource(name string) base.Term {
	if label, ok := strings.CutPrefix(name, "_:"); ok {
		return base.Blank(label)
	}
	return base.IRI(name)
}

func goldTerm(n ld.Node) base.Term {
	literal, ok := n.(ld.Literal)
	switch {
	case !ok:
		return goldResource(n.GetValue())
	case literal.Language != "":
		return base.LangString(literal.Value, literal.Language)
	}
	return base.Typed(literal.Value, literal.Datatype)
}

// checkJSON refuses what encoding/json and json-gold would take silently: deep
// nesting, a name twice in one object, integers that a double cannot hold,
// several values. It reports the place.
func checkJSON(text []byte, o Options) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var levels []*jsonLevel
	for n := 0; ; n++ {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && n > 0 && len(levels) == 0 {
			return nil
		}
		fail := func(format string, args ...any) error {
			return &SyntaxError{Pos: posOf(text, int(d.InputOffset())), Msg: fmt.Sprintf("JSON: "+format, args...)}
		}
		if err != nil {
			return fail("%v", err)
		}
		if len(levels) == 0 && n > 0 {
			return fail("expected one value only")
		}
		if level := top(levels); level != nil && level.names != nil && token != json.Delim('}') {
			if name, ok := token.(string); ok && !level.value {
				if level.names[name] {
					return fail("the name %q stands twice in one object", clip(name))
				}
				level.names[name] = true
			}
			level.value = !level.value
		}
		switch token := token.(type) {
		case json.Number:
			if i, err := token.Float64(); err != nil || !strings.ContainsAny(string(token), ".eE") && math.Abs(i) > 1<<53 {
				return fail("the number %s is beyond ±2^53; write it as a string with its @type", clip(string(token)))
			}
		case json.Delim:
			if levels = nest(levels, token); len(levels) > o.MaxDepth {
				return fail("nested deeper than %d levels; refused", o.MaxDepth)
			}
		}
	}
}

// jsonLevel is an open array, or an object with the names it has so far.
type jsonLevel struct {
	names map[string]bool
	value bool // the next token belongs to a value, not a name
}

func top(levels []*jsonLevel) *jsonLevel {
	if len(levels) == 0 {
		return nil
	}
	return levels[len(levels)-1]
}

func nest(levels []*jsonLevel, d json.Delim) []*jsonLevel {
	switch d {
	case '{':
		return append(levels, &jsonLevel{names: map[string]bool{}})
	case '[':
		return append(levels, &jsonLevel{})
	}
	return levels[:len(levels)-1]
}

// posOf turns an offset into a place.
func posOf(text []byte, offset int) Pos {
	before := text[:min(offset, len(text))]
	line := bytes.Count(before, []byte("\n"))
	column := len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	return Pos{Line: line + 1, Col: max(1, column)}
}
