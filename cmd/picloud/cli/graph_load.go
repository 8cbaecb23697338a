package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/runtime/rdf"
)

// Bounds of one request of a load: what it changes is one event, which holds
// 4 MiB compressed. N-Quads shrink to a tenth and less.
const (
	loadBytes = 8 << 20
	loadQuads = 100_000
	// loadBlank is how many quads with blank nodes of one file are kept until all
	// that hang together are known.
	loadBlank = 1_000_000
)

func (a *App) graphLoad() *cobra.Command {
	var where place
	var format, graph string
	c := &cobra.Command{
		Use:   "load FILE…",
		Short: "Add RDF from files to a store",
		Long: `Add RDF from files to a store: N-Quads, N-Triples, Turtle, TriG, JSON-LD or RDF/XML by the ends of their names, compressed by gzip or not.
- is standard input, N-Quads unless --format says otherwise.

Large files are sent in several requests, each all or nothing. Where one fails, the message says how much is loaded; loading again adds
nothing twice, except blank nodes, which are new ones each time. Quads whose blank nodes hang together go in one request.`,
		Args:    between(1, -1),
		Example: "  picloud graph load --store photo-app/catalogue photos.nq.gz people.ttl",
		RunE: func(c *cobra.Command, files []string) error {
			if err := where.needStore("files are loaded into a store"); err != nil {
				return err
			}
			path, err := where.path()
			if err != nil {
				return err
			}
			l := &loader{app: a, ctx: c.Context(), path: path + "/graph"}
			if graph != "" {
				if err := rdf.CheckIRI(graph); err != nil {
					return usagef("--graph: %v", err)
				}
				l.graph = base.IRI(graph)
			}
			if l.cluster, err = a.client(); err != nil {
				return err
			}
			for _, file := range files {
				if err := l.file(file, format); err != nil {
					return l.stopped(file, err)
				}
			}
			fmt.Fprintf(a.Stderr, "%d quads loaded, position %s\n", l.loaded, l.position)
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "", "format of all files: nq, nt, ttl, trig, jsonld, rdf (default: by name)")
	c.Flags().StringVar(&graph, "graph", "", "IRI of the graph for what the files put in no graph (default: the default graph)")
	a.placeFlags(c, &where, "fill")
	return c
}

// loader sends quads in portions.
type loader struct {
	app      *App
	ctx      context.Context
	cluster  *client.Client
	path     string
	graph    base.Term
	portion  []byte
	quads    int // in the portion
	line     int // of the last quad in it
	sentLine int // up to which the present file is loaded, but for blank nodes
	loaded   int
	position base.Position
	blank    []base.Quad
}

func (l *loader) file(name, format string) error {
	in := l.app.Stdin
	if name != "-" {
		file, err := os.Open(name)
		if place := new(fs.PathError); errors.As(err, &place) {
			return place.Err // the name is said with all that goes wrong in a file
		}
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	content, err := uncompressed(in)
	if err != nil {
		return err
	}
	syntax, err := formatOfFile(name, format)
	if err != nil {
		return err
	}
	l.sentLine = 0
	options := rdf.Options{MaxBytes: 256 << 20}
	if absolute, err := filepath.Abs(name); err == nil && name != "-" {
		options.Base = "file://" + filepath.ToSlash(absolute)
	}
	if err := rdf.Parse(content, syntax, options, l.take); err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return err
	}
	return l.flushBlank()
}

// uncompressed reads through gzip where the content begins as it does.
func uncompressed(in io.Reader) (io.Reader, error) {
	buffered := bufio.NewReaderSize(in, 256<<10)
	if magic, _ := buffered.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return buffered, nil
	}
	return gzip.NewReader(buffered)
}

// formatOfFile is what --format says, else the end of the name.
func formatOfFile(name, format string) (rdf.Format, error) {
	word := format
	if word == "" {
		word = strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(name, ".gz")), ".")
	}
	if name == "-" && word == "" {
		return rdf.NQuads, nil
	}
	if f, ok := rdf.FormatOf(word); ok {
		return f, nil
	}
	if format != "" {
		return 0, usagef("there is no format %q; choose one of nq, nt, ttl, trig, jsonld, rdf", format)
	}
	return 0, usagef("its name does not tell what it is: say with --format whether nq, nt, ttl, trig, jsonld or rdf")
}

// take adds one quad to the portion. Those with blank nodes wait for the end of
// the file: a node is only one within one request.
func (l *loader) take(s rdf.Statement) error {
	q := s.Quad
	if q.G.IsZero() {
		q.G = l.graph
	}
	if q.S.Kind == base.BlankTerm || q.O.Kind == base.BlankTerm || q.G.Kind == base.BlankTerm {
		if l.blank = append(l.blank, q); len(l.blank) > loadBlank {
			return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the file has more than %d quads with blank nodes, which are to be kept together; split it, or name the nodes", loadBlank)}
		}
		return nil
	}
	return l.add(q, s.Subject.Line)
}

func (l *loader) add(q base.Quad, line int) error {
	l.portion = rdf.AppendQuad(l.portion, q)
	l.quads++
	l.line = line
	if l.quads >= loadQuads || len(l.portion) >= loadBytes {
		return l.flush()
	}
	return nil
}

// flush sends the portion, in halves if it is too large.
func (l *loader) flush() error {
	if l.quads == 0 {
		return nil
	}
	if err := l.send(l.portion, l.quads); err != nil {
		return err
	}
	l.portion, l.quads, l.sentLine = l.portion[:0], 0, l.line
	if l.app.Interactive {
		fmt.Fprintf(l.app.Stderr, "\r%d quads", l.loaded)
	}
	return nil
}

func (l *loader) send(text []byte, quads int) error {
	answer, err := l.cluster.Do(l.ctx, client.Request{Method: http.MethodPost, Path: l.path, ContentType: rdf.NQuads.MediaType(), Body: text})
	var failed *base.Error
	switch {
	case err == nil:
		l.loaded += quads
		l.position = answer.Position
		return nil
	case errors.As(err, &failed) && failed.Code == base.TooLarge && quads > 1 && !bytes.Contains(text, []byte("_:")):
		middle := len(text)/2 + bytes.IndexByte(text[len(text)/2:], '\n') + 1
		first := bytes.Count(text[:middle], []byte{'\n'})
		if first == quads {
			return err
		}
		if err := l.send(text[:middle], first); err != nil {
			return err
		}
		return l.send(text[middle:], quads-first)
	}
	return err
}

// flushBlank sends the quads with blank nodes: those that hang together in one
// request, as many such groups in each as fit.
func (l *loader) flushBlank() error {
	for _, group := range connected(l.blank) {
		size := 0
		for _, q := range group {
			size += len(q.S.Value) + len(q.P.Value) + len(q.O.Value) + len(q.O.Datatype) + len(q.G.Value) + 16
		}
		if l.quads > 0 && (l.quads+len(group) > loadQuads || len(l.portion)+size > loadBytes) {
			if err := l.flush(); err != nil {
				return err
			}
		}
		for _, q := range group {
			l.portion = rdf.AppendQuad(l.portion, q)
		}
		l.quads += len(group)
	}
	l.blank = nil
	return l.flush()
}

// connected parts quads into groups that share no blank node, each in the order
// of the file.
func connected(quads []base.Quad) [][]base.Quad {
	parent := map[string]string{}
	find := func(label string) string {
		for parent[label] != label {
			parent[label] = parent[parent[label]]
			label = parent[label]
		}
		return label
	}
	nodes := func(q base.Quad) (labels []string) {
		for _, t := range [3]base.Term{q.S, q.O, q.G} {
			if t.Kind == base.BlankTerm {
				if _, known := parent[t.Value]; !known {
					parent[t.Value] = t.Value
				}
				labels = append(labels, t.Value)
			}
		}
		return labels
	}
	for _, q := range quads {
		labels := nodes(q)
		for _, other := range labels[1:] {
			parent[find(other)] = find(labels[0])
		}
	}
	at := map[string]int{}
	var groups [][]base.Quad
	for _, q := range quads {
		root := find(nodes(q)[0])
		i, known := at[root]
		if !known {
			i = len(groups)
			at[root] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], q)
	}
	return groups
}

// stopped says where a load ended and how much of it stands.
func (l *loader) stopped(file string, err error) error {
	if l.loaded > 0 {
		where := ""
		if l.sentLine > 0 {
			where = fmt.Sprintf(", of %s the lines up to %d but for blank nodes", file, l.sentLine)
		}
		fmt.Fprintf(l.app.Stderr, "%d quads are loaded (position %s)%s; what follows is not\n", l.loaded, l.position, where)
	}
	var place *rdf.SyntaxError
	if errors.As(err, &place) {
		return fmt.Errorf("%s:%w", file, err)
	}
	return fmt.Errorf("%s: %w", file, err)
}
