package gocode

import (
	"bytes"
	"fmt"
	"go/scanner"
	"go/token"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/picloud/picloud/gen/write"
)

// Module is the path under which generated packages import each other.
const Module = "github.com/picloud/picloud"

// packages are those that output may import, by the name that code uses.
var packages = map[string]string{
	"base":    Module + "/gen/base",
	"codec":   Module + "/generated/codec",
	"context": "context",
	"domain":  Module + "/generated/domain",
	"fmt":     "fmt",
	"http":    "net/http",
	"iter":    "iter",
	"maps":    "maps",
	"slices":  "slices",
}

// File is one file of Go in the making.
type File struct {
	path, source string
	jen          *jen.File
}

// NewFile begins a file of a generated package; source is the file of the
// ontology that it comes from, "" for all of them.
func NewFile(folder, name, source string) *File {
	pkg := folder[strings.LastIndexByte(folder, '/')+1:]
	f := jen.NewFilePathName(Module+"/"+folder, pkg)
	for name, path := range packages {
		f.ImportName(path, name)
	}
	return &File{path: folder + "/" + name, source: source, jen: f}
}

// Doc writes a comment of whole sentences, one a line.
func (f *File) Doc(sentences ...string) {
	for _, s := range sentences {
		f.jen.Comment(s)
	}
}

// Go writes a declaration as it stands.
func (f *File) Go(format string, args ...any) { f.jen.Add(Code(format, args...)) }

// Line writes an empty line.
func (f *File) Line() { f.jen.Line() }

// Member is one field of a struct; an empty name embeds the type.
type Member struct{ Name, Type, Doc string }

// Struct writes a struct type, comments above its fields.
func (f *File) Struct(name string, members []Member) {
	f.jen.Type().Id(name).StructFunc(func(g *jen.Group) {
		for _, m := range members {
			if m.Doc != "" {
				g.Comment(m.Doc)
			}
			g.Add(Code("%s %s", m.Name, m.Type))
		}
	})
	f.Line()
}

// Func writes a function or method; the signature has no "func".
func (f *File) Func(signature string, body func(*Block)) {
	f.jen.Add(Code("func %s", signature)).BlockFunc(func(g *jen.Group) { body(&Block{g}) })
	f.Line()
}

// Consts writes a block of constants, each with its comment ("" = none).
func (f *File) Consts(typ string, members []Member) { f.group(jen.Const(), typ, members) }

// Vars writes a block of variables; the type of a member is its value.
func (f *File) Vars(members []Member) { f.group(jen.Var(), "", members) }

func (f *File) group(keyword *jen.Statement, typ string, members []Member) {
	f.jen.Add(keyword.DefsFunc(func(g *jen.Group) {
		for _, m := range members {
			if m.Doc != "" {
				g.Comment(m.Doc)
			}
			g.Add(Code("%s %s = %s", m.Name, typ, m.Type))
		}
	}))
	f.Line()
}

// Render gives the file as package write takes it: no header.
func (f *File) Render() (write.File, error) {
	var out bytes.Buffer
	if err := f.jen.Render(&out); err != nil {
		return write.File{}, fmt.Errorf("%s: %w", f.path, err)
	}
	return write.File{Path: f.path, Content: standardFirst(out.Bytes()), Source: f.source, Formatted: true}, nil
}

// standardFirst puts the imports of the standard library into a group of their
// own, above the others.
func standardFirst(code []byte) []byte {
	head, rest, ok := bytes.Cut(code, []byte("import (\n"))
	if !ok {
		return code
	}
	block, rest, _ := bytes.Cut(rest, []byte(")\n"))
	var standard, others []byte
	for line := range bytes.Lines(block) {
		if bytes.Contains(line, []byte(".")) {
			others = append(others, line...)
		} else {
			standard = append(standard, line...)
		}
	}
	if len(standard) > 0 && len(others) > 0 {
		standard = append(standard, '\n')
	}
	return slices.Concat(head, []byte("import (\n"), standard, others, []byte(")\n"), rest)
}

// Render gives several files; it stops at the first that is not Go.
func Render(files ...*File) ([]write.File, error) {
	var rendered []write.File
	for _, f := range files {
		r, err := f.Render()
		if err != nil {
			return nil, err
		}
		rendered = append(rendered, r)
	}
	return rendered, nil
}

// Block is the inside of a function.
type Block struct{ group *jen.Group }

// Do writes a statement.
func (b *Block) Do(format string, args ...any) { b.group.Add(Code(format, args...)) }

// If writes a conditional statement.
func (b *Block) If(condition string, body func(*Block)) { b.braced("if "+condition, body) }

// When writes a conditional statement, or its body alone where there is no
// condition.
func (b *Block) When(condition string, body func(*Block)) {
	if condition == "" {
		body(b)
		return
	}
	b.If(condition, body)
}

// For writes a loop.
func (b *Block) For(clause string, body func(*Block)) { b.braced("for "+clause, body) }

// Switch writes a switch statement; its body consists of cases.
func (b *Block) Switch(expression string, body func(*Block)) { b.braced("switch "+expression, body) }

// Case writes a case; an empty expression is the default.
func (b *Block) Case(expression string, body func(*Block)) {
	label := Code("case %s:", expression)
	if expression == "" {
		label = Code("default:")
	}
	b.group.Add(label)
	body(b)
}

// Note writes a comment in a function.
func (b *Block) Note(text string) { b.group.Comment(text) }

func (b *Block) braced(head string, body func(*Block)) {
	b.group.Add(Code("%s", head)).BlockFunc(func(g *jen.Group) { body(&Block{g}) })
}

// Code is a piece of Go as it stands. Names of known packages become
// references, so that the file imports what it uses and nothing else.
func Code(format string, args ...any) *jen.Statement {
	text := format
	if len(args) > 0 {
		text = fmt.Sprintf(format, args...)
	}
	s := &jen.Statement{}
	done := 0
	for _, at := range qualified(text) {
		s.Op(text[done:at.start])
		s.Qual(packages[text[at.start:at.dot]], text[at.dot+1:at.end])
		done = at.end
	}
	return s.Op(text[done:])
}

// use is one place in a text where a name of a package is used.
type use struct{ start, dot, end int }

// qualified finds package.Name outside of strings and comments.
func qualified(text string) (uses []use) {
	var s scanner.Scanner
	fset := token.NewFileSet()
	file := fset.AddFile("", -1, len(text))
	s.Init(file, []byte(text), nil, 0)
	type lexeme struct {
		pos int
		tok token.Token
		lit string
	}
	var last [3]lexeme // the three before the present one
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return uses
		}
		at := lexeme{file.Offset(pos), tok, lit}
		pkg, dot := last[1], last[2]
		if at.tok == token.IDENT && dot.tok == token.PERIOD && pkg.tok == token.IDENT &&
			packages[pkg.lit] != "" && last[0].tok != token.PERIOD && token.IsExported(lit) {
			uses = append(uses, use{pkg.pos, dot.pos, at.pos + len(lit)})
		}
		last = [3]lexeme{last[1], last[2], at}
	}
}
