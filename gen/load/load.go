package load

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Statement is one triple of a file with the places of its terms.
type Statement struct {
	base.Triple
	Subject, Predicate, Object Place
}

// File is one file of an ontology.
type File struct {
	Name       string // "storage.ttl"
	Content    []byte
	Statements []Statement
}

// Ontology is what the Turtle files of one directory say.
type Ontology struct {
	Files []File // by name
	// Prefixes of all files, name without colon → IRI.
	Prefixes map[string]string
	// Examples are the files of examples/kinds, one valid and one invalid for
	// each kind. They are kept as they are: validators read them, not we.
	Examples []Example
}

// Example is one resource of a kind, right or wrong.
type Example struct {
	Name    string // "volume.valid.ttl"
	Word    string // "volume"
	Valid   bool
	Content []byte
}

// Limits of one file: an ontology is written by people.
const (
	maxFile   = 4 << 20 // bytes
	maxErrors = 100
)

// Read reads every *.ttl file at the top of a directory; folders below it hold
// examples and releases, not the ontology. Its error is of type Problems when
// the files themselves are at fault.
func Read(dir fs.FS) (*Ontology, error) {
	names, err := fs.Glob(dir, "*.ttl")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no *.ttl file in the ontology's directory; is this the root of the repository?")
	}
	slices.Sort(names)
	o := &Ontology{Prefixes: map[string]string{}}
	var problems Problems
	for _, name := range names {
		content, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		if len(content) > maxFile {
			problems = append(problems, Problem{Place{name, 1, 1},
				fmt.Sprintf("the file has %d bytes; at most %d are read, split it by slice", len(content), maxFile)})
			continue
		}
		f, wrong := o.parse(name, unixLines(content))
		o.Files = append(o.Files, f)
		problems = append(problems, wrong...)
	}
	if err := o.readExamples(dir); err != nil {
		return nil, err
	}
	return o, problems.Sorted().Err()
}

// exampleFolder holds {word}.valid.ttl and {word}.invalid.ttl; the valid ones
// also refer to the resources of shared.ttl.
const exampleFolder = "examples/kinds"

func (o *Ontology) readExamples(dir fs.FS) error {
	names, err := fs.Glob(dir, exampleFolder+"/*.ttl")
	if err != nil {
		return err
	}
	for _, name := range names {
		word, verdict, _ := strings.Cut(path.Base(name), ".")
		if verdict != "valid.ttl" && verdict != "invalid.ttl" {
			continue
		}
		content, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		o.Examples = append(o.Examples, Example{path.Base(name), word, verdict == "valid.ttl", unixLines(content)})
	}
	return nil
}

// unixLines ends lines with LF alone, for output repeats the text of files and
// must not depend on the editor or checkout that they came from.
func unixLines(content []byte) []byte {
	return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
}

func (o *Ontology) parse(name string, content []byte) (File, Problems) {
	f := File{Name: name, Content: content}
	stem := strings.TrimSuffix(name, ".ttl")
	prefixes := map[string]string{}
	at := func(p rdf.Pos) Place { return Place{name, p.Line, p.Col} }
	options := rdf.Options{Prefixes: prefixes, BlankPrefix: stem + "-", MaxErrors: maxErrors}
	err := rdf.Parse(bytes.NewReader(content), rdf.Turtle, options, func(s rdf.Statement) error {
		f.Statements = append(f.Statements, Statement{
			Triple:  base.Triple{S: s.Quad.S, P: s.Quad.P, O: s.Quad.O},
			Subject: at(s.Subject), Predicate: at(s.Predicate), Object: at(s.Object),
		})
		return nil
	})
	problems := syntax(name, err)
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		if known, ok := o.Prefixes[prefix]; ok && known != prefixes[prefix] {
			problems = append(problems, Problem{Place{name, 1, 1}, fmt.Sprintf(
				"prefix %s: is <%s> here and <%s> in another file; use one prefix for one namespace", prefix, prefixes[prefix], known)})
		}
		o.Prefixes[prefix] = prefixes[prefix]
	}
	return f, problems
}

// syntax turns the parser's error, which may hold several, into problems.
func syntax(name string, err error) Problems {
	if err == nil {
		return nil
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		var problems Problems
		for _, one := range several.Unwrap() {
			problems = append(problems, syntax(name, one)...)
		}
		return problems
	}
	if e, ok := errors.AsType[*rdf.SyntaxError](err); ok {
		return Problems{{Place{name, e.Pos.Line, e.Pos.Col}, e.Msg}}
	}
	return Problems{{Place{name, 1, 1}, err.Error()}}
}
