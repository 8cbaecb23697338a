package rdf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/piprate/json-gold/ld"

	"github.com/picloud/picloud/gen/base"
)

// parseJSONLD reads JSON-LD 1.1. json-gold expands the document and is watched:
// nothing is fetched, a panic is an error, a member it would drop is one too.
// Making quads of the expanded document is our own work (unfold), because
// json-gold drops IRIs that it does not like and writes error messages as data.
func parseJSONLD(r io.Reader, o Options, f func(Statement) error) error {
	text, err := readBounded(r, o.MaxBytes)
	if err != nil {
		return err
	}
	if err := checkJSON(text, o); err != nil {
		return err
	}
	nodes, err := expandJSONLD(text, o.Base)
	if err != nil {
		return fmt.Errorf("JSON-LD: %w", err)
	}
	quads, err := unfold(nodes, o.BlankPrefix)
	if err != nil {
		return fmt.Errorf("JSON-LD: %w", err)
	}
	return o.handOver(quads, "JSON-LD", f)
}

// handOver checks the quads that came through another parser and passes them on.
func (o Options) handOver(quads []base.Quad, format string, f func(Statement) error) error {
	for _, q := range quads {
		if err := o.check(q); err != nil {
			return fmt.Errorf("%s: %w", format, err)
		}
	}
	for _, q := range quads {
		if err := f(Statement{Quad: q}); err != nil {
			return err
		}
	}
	return nil
}

func (o Options) check(q base.Quad) error {
	for _, t := range [4]base.Term{q.S, q.P, q.O, q.G} {
		switch {
		case t.Kind == base.IRITerm && len(t.Value) > o.MaxIRI:
			return fmt.Errorf("an IRI longer than %d bytes is refused", o.MaxIRI)
		case t.Kind == base.LiteralTerm && len(t.Value) > o.MaxLiteral:
			return fmt.Errorf("a literal longer than %d bytes is refused", o.MaxLiteral)
		}
	}
	return checkQuad(q, true)
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

func expandJSONLD(text []byte, baseIRI string) (nodes []any, err error) {
	defer func() {
		if r := recover(); r != nil {
			nodes, err = nil, errMalformed
		}
	}()
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	options := ld.NewJsonLdOptions(baseIRI)
	options.DocumentLoader = noDocuments{}
	options.SafeMode = true
	return ld.NewJsonLdProcessor().Expand(document, options)
}

// checkJSON refuses what encoding/json and json-gold would take silently: deep
// nesting, more values than there is memory for, a name twice in one object, integers that a double cannot hold,
// several values. It reports the place.
func checkJSON(text []byte, o Options) error {
	if !utf8.Valid(text) {
		return errors.New("JSON: the text is not valid UTF-8")
	}
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
		if n >= o.MaxValues {
			return fail("more than %d values; split the text, or send N-Quads, which takes a fraction of the memory", o.MaxValues)
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
			if !exact(string(token)) {
				return fail("the number %s is beyond ±2^53; write it as a string with its @type", clip(string(token)))
			}
		case json.Delim:
			if levels = nest(levels, token); len(levels) > o.MaxDepth {
				return fail("nested deeper than %d levels; refused", o.MaxDepth)
			}
		}
	}
}

// exact reports whether a double holds the number; fractions may be rounded.
func exact(number string) bool {
	if strings.ContainsAny(number, ".eE") {
		_, err := strconv.ParseFloat(number, 64)
		return err == nil
	}
	i, err := strconv.ParseInt(number, 10, 64)
	return err == nil && i <= 1<<53 && i >= -1<<53
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
