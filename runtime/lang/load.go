package lang

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

const (
	filesMax  = 1000
	turtleMax = 16 << 20 // bytes of a Turtle file
)

// Load reads files and folders as one deployment. Of a folder it reads every
// .picloud and .ttl file directly in it; a .ttl file that a declaration brings
// in by file('…') is content and declares nothing.
func Load(model *base.Model, paths []string, o Options) (*Deployment, []base.Violation) {
	l := &loader{compiler: newCompiler(model, o), content: map[string]bool{}}
	for _, path := range paths {
		l.path(filepath.Clean(path))
	}
	defer l.close()
	l.parse()
	l.turtle()
	l.declare(l.files)
	l.compile()
	if len(l.sources) == 0 && len(l.violations) == 0 {
		l.note(strings.Join(paths, " "), 0, 0, "empty", "*.picloud or *.ttl", "no .picloud or .ttl file is here")
	}
	return l.finish()
}

type loader struct {
	*compiler
	sources []source
	roots   []*os.Root
	files   []*File
	content map[string]bool // files that declarations bring in
}

// source is a file of the deployment: its name for people, and where it is.
type source struct {
	label, name string
	root        *os.Root
	content     []byte // of standard input, which has no root
}

// read reads a source up to a bound.
func (s source) read(limit int64) ([]byte, error) {
	if s.root == nil {
		return s.content, nil
	}
	return readBounded(s.root, s.name, limit)
}

func (l *loader) close() {
	for _, root := range l.roots {
		_ = root.Close() // opened for reading only
	}
}

func (l *loader) path(path string) {
	if path == "-" && l.options.Stdin != nil {
		l.stdin()
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		l.unreadable(path, err)
		return
	}
	dir, name := path, ""
	if !info.IsDir() {
		dir, name = filepath.Split(path)
		dir = filepath.Clean(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		l.unreadable(path, err)
		return
	}
	l.roots = append(l.roots, root)
	if name != "" {
		l.source(source{label: path, name: name, root: root}, true)
		return
	}
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		l.unreadable(path, err)
	}
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			l.source(source{label: filepath.Join(path, e.Name()), name: e.Name(), root: root}, false)
		}
	}
}

// turtleStart is how a text begins that is Turtle and not .picloud.
var turtleStart = regexp.MustCompile(`^(\s|#[^\n]*\n)*(<|@(prefix|base)\b|(?i:prefix|base)\s+[\w:<-])`)

// stdin takes standard input in as one source.
func (l *loader) stdin() {
	const label = "<stdin>"
	content, err := io.ReadAll(io.LimitReader(l.options.Stdin, turtleMax+1))
	if err == nil && len(content) > turtleMax {
		err = fmt.Errorf("it has more than %d bytes", turtleMax)
	}
	if err != nil {
		l.unreadable(label, err)
		return
	}
	name := "stdin.picloud"
	if turtleStart.Match(content) {
		name = "stdin.ttl"
	}
	l.source(source{label: label, name: name, content: content}, true)
}

// source takes a file in. Files of other types in a folder are none of ours.
func (l *loader) source(s source, named bool) {
	switch ext := filepath.Ext(s.name); {
	case ext == ".picloud" || ext == ".ttl":
		if len(l.sources) == filesMax {
			l.note(s.label, 0, 0, "size", "", fmt.Sprintf("a deployment has at most %d files", filesMax))
		}
		if len(l.sources) <= filesMax && !slices.ContainsFunc(l.sources, func(o source) bool { return o.label == s.label }) {
			l.sources = append(l.sources, s)
		}
	case named:
		l.note(s.label, 0, 0, "type", ".picloud or .ttl", fmt.Sprintf("files of a deployment end in .picloud or .ttl, not %q", ext))
	}
}

func (l *loader) unreadable(path string, err error) {
	var perr *fs.PathError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	l.note(path, 0, 0, "file", "", "cannot be read: "+err.Error())
}

func (l *loader) parse() {
	for _, s := range l.sources {
		if filepath.Ext(s.name) != ".picloud" {
			continue
		}
		src, err := s.read(sizeMax)
		if err != nil {
			l.unreadable(s.label, err)
			continue
		}
		f, violations := Parse(s.label, src)
		l.violations = append(l.violations, violations...)
		if s.root != nil { // standard input has no folder
			f.read = func(name string, limit int64) ([]byte, error) { return readContent(s.root, name, limit) }
		}
		l.files = append(l.files, f)
		for _, d := range f.Declarations {
			l.brought(filepath.Dir(s.label), d.Body)
		}
	}
}

// brought notes the files that a declaration brings in.
func (l *loader) brought(dir string, n *Node) {
	if n.Kind == CallNode && n.Text == "file" {
		l.content[filepath.Join(dir, filepath.FromSlash(n.Items[0].Text))] = true
	}
	for _, item := range n.Items {
		l.brought(dir, item)
	}
	for _, e := range n.Entries {
		l.brought(dir, e.Value)
	}
}

// readContent reads what file('…') names. The root refuses to leave the folder,
// by ".." as by a symbolic link.
func readContent(root *os.Root, name string, limit int64) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return nil, fmt.Errorf("%s does not lie in the folder of the deployment", quote(shorten(name)))
	}
	content, err := readBounded(root, filepath.FromSlash(name), limit)
	if err != nil {
		var perr *fs.PathError
		if errors.As(err, &perr) {
			err = perr.Err
		}
		return nil, fmt.Errorf("the file %s cannot be read: %w", quote(shorten(name)), err)
	}
	return content, nil
}

// readBounded reads a regular file of at most limit bytes. Nothing else is even
// opened, so that no pipe can hold the reader up.
func readBounded(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return content, err
}

// turtle reads the Turtle files, whose resources stand beside those declared
// in the language.
func (l *loader) turtle() {
	for _, s := range l.sources {
		if filepath.Ext(s.name) != ".ttl" || l.content[s.label] {
			continue
		}
		src, err := s.read(turtleMax)
		if err != nil {
			l.unreadable(s.label, err)
			continue
		}
		quads, violations := parseTurtle(s.label, src, l.options.Root)
		l.violations = append(l.violations, violations...)
		if len(violations) == 0 {
			l.described(s.label, quads)
		}
	}
}

func parseTurtle(file string, src []byte, root string) ([]base.Placed, []base.Violation) {
	var quads []base.Placed
	err := rdf.Parse(bytes.NewReader(src), rdf.Turtle, rdf.Options{Base: root + "/", MaxErrors: faultsMax}, func(s rdf.Statement) error {
		quads = append(quads, base.Placed{Quad: s.Quad, Subject: placeOf(s.Subject), Predicate: placeOf(s.Predicate), Object: placeOf(s.Object)})
		return nil
	})
	if err == nil {
		return quads, nil
	}
	faults := rdf.Errors{}
	var one *rdf.SyntaxError
	if !errors.As(err, &faults) && errors.As(err, &one) {
		faults = rdf.Errors{one}
	}
	var violations []base.Violation
	for _, fault := range faults {
		violations = append(violations, base.Violation{ID: "syntax", Message: fault.Msg, File: file, Line: fault.Pos.Line, Column: fault.Pos.Col})
	}
	if len(violations) == 0 {
		violations = []base.Violation{{ID: "syntax", Message: err.Error(), File: file}}
	}
	return nil, violations
}

func placeOf(p rdf.Pos) base.Place { return base.Place{Line: p.Line, Column: p.Col} }

// described takes the resources of one Turtle file in.
func (l *loader) described(file string, quads []base.Placed) {
	described, violations := base.SplitGraph(l.model, l.options.Root, quads)
	for _, v := range violations {
		v.File = file
		l.violations = append(l.violations, v)
	}
	for _, d := range described {
		r := &Resource{Class: d.Class, Address: d.Address, File: file, Line: d.Place.Line, Column: d.Place.Column}
		if d.Class.Origin != base.Declared {
			l.note(file, r.Line, r.Column, "kind", "", article(d.Class.Word)+" comes from the cluster itself and cannot be declared")
			continue
		}
		if !l.add(r) {
			continue
		}
		l.ownProduct(r.Address.Ref)
		value, violations := base.ReadGraph(l.model, d.Class, l.options.Root, d.Subject, d.Quads)
		r.Value = value
		for _, v := range violations {
			if v.Pointer != "" {
				r.failed = append(r.failed, v.Pointer)
			}
		}
		l.take(r, violations)
	}
}
