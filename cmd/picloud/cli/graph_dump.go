package cli

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/runtime/rdf"
)

func (a *App) graphDump() *cobra.Command {
	var where place
	var file string
	c := &cobra.Command{
		Use:   "dump",
		Short: "Write what a store, a product or the cluster says as RDF",
		Long: `Write all quads of a store, or all of the platform's that you may read, of the cluster or of a product: N-Quads, or TriG for a store.
Everything is from one position of the log, which is printed when it is done. A file (-f) whose name ends in .gz is compressed.`,
		Args:    noArguments,
		Example: "  picloud graph dump --store photo-app/catalogue -f catalogue.nq.gz",
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := where.path()
			if err != nil {
				return err
			}
			if a.output != "nquads" && where.store == "" {
				return usagef("-o %s is for stores; the platform's graphs are written as N-Quads", a.output)
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			d := dumper{cluster: cluster, path: path, media: rdf.NQuads.MediaType(), store: where.store != ""}
			if a.output == "trig" {
				d.media = rdf.TriG.MediaType()
			}
			if err := a.intoFile(file, func(w io.Writer) error { return d.write(c.Context(), w) }); err != nil {
				return err
			}
			fmt.Fprintf(a.Stderr, "position %s\n", d.position)
			return nil
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "-", "file to write; - is standard output")
	a.placeFlags(c, &where, "write")
	a.outputFlag(c, "nquads", "trig")
	return c
}

// intoFile writes to standard output, or to a file that is there only if all of
// it is.
func (a *App) intoFile(name string, write func(io.Writer) error) (err error) {
	if name == "-" {
		return write(a.Stdout)
	}
	partial := name + ".partial"
	file, err := os.OpenFile(partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	out := io.Writer(file)
	var compressed *gzip.Writer
	if strings.HasSuffix(name, ".gz") {
		compressed = gzip.NewWriter(file)
		out = compressed
	}
	err = write(out)
	if err == nil && compressed != nil {
		err = compressed.Close()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return os.Rename(partial, name)
}

type dumper struct {
	cluster  *client.Client
	path     string
	media    string
	store    bool
	position string
}

func (d *dumper) write(ctx context.Context, w io.Writer) error {
	request := client.Request{Method: http.MethodGet, Path: d.path + "/graph", Accept: d.media}
	if !d.store {
		request = client.Request{Method: http.MethodPost, Path: d.path + "/sparql", Accept: "application/sparql-results+json",
			ContentType: "application/sparql-query", Body: fmt.Appendf(nil, everything, d.cluster.Root()+"/")}
	}
	response, err := d.cluster.Open(ctx, request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	d.position = response.Header.Get("Picloud-Position")
	if d.store {
		_, err = io.Copy(w, response.Body)
	} else {
		err = quadsOf(response.Body, w)
	}
	if err != nil {
		return brokenOff(ctx, err)
	}
	return nil
}

// everything asks for the quads of all graphs that the cluster made; the
// ontology is the same everywhere.
const everything = `SELECT ?s ?p ?o ?g { GRAPH ?g { ?s ?p ?o } FILTER(STRSTARTS(STR(?g), %q) && !STRENDS(STR(?g), "/ontology") && !STRENDS(STR(?g), "/ontology/meta")) }`

// quadsOf turns rows into N-Quads while they come.
func quadsOf(in io.Reader, w io.Writer) error {
	decoder := json.NewDecoder(in)
	for { // up to the array of bindings
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		if token == "bindings" {
			break
		}
	}
	if _, err := decoder.Token(); err != nil {
		return err
	}
	var line []byte
	for decoder.More() {
		var row binding
		if err := decoder.Decode(&row); err != nil {
			return err
		}
		q := base.Quad{S: row.term("s"), P: row.term("p"), O: row.term("o"), G: row.term("g")}
		line = rdf.AppendQuad(line[:0], q)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	for _, end := range "]}}" { // by which a whole answer is known
		if token, err := decoder.Token(); err != nil || token != json.Delim(end) {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
	}
	return nil
}

func (b binding) term(name string) base.Term {
	v := b[name]
	switch {
	case v.Type == "uri":
		return base.IRI(v.Value)
	case v.Type == "bnode":
		return base.Blank(v.Value)
	case v.Lang != "":
		return base.LangString(v.Value, v.Lang)
	case v.Datatype != "":
		return base.Typed(v.Value, v.Datatype)
	}
	return base.String(v.Value)
}
