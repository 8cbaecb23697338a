package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/picloud/picloud/gen"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const usage = `usage: picloud-gen generate [--check] | print

  generate          write what changed below generated/, remove what is stale
  generate --check  write nothing; show what would change and exit with 1
  print             show the model with all its names
`

func main() { os.Exit(run(".", os.Args[1:], os.Stdout, os.Stderr)) }

// run is the whole program; folder is where it was called.
func run(folder string, args []string, out, problems io.Writer) int {
	var err error
	switch command := fmt.Sprint(args); command {
	case "[generate]":
		err = generate(folder, out)
	case "[generate --check]", "[--check]":
		err = check(folder, out)
	case "[print]":
		err = show(folder, out)
	default:
		fmt.Fprint(problems, usage)
		return 2
	}
	if err != nil {
		explain(problems, err)
		return 1
	}
	return 0
}

// explain writes an error for people, all of it.
func explain(w io.Writer, err error) {
	var faults load.Problems
	if errors.As(err, &faults) {
		for _, p := range faults {
			if p.File != "" {
				p.File = plan.Source + "/" + p.File
			}
			fmt.Fprintln(w, p)
		}
		fmt.Fprintf(w, "%d to correct; nothing was written\n", len(faults))
		return
	}
	fmt.Fprintln(w, "picloud-gen:", err)
}

func generate(folder string, out io.Writer) error {
	began := time.Now()
	root, err := gen.Root(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	seen, err := gen.OpenSeen(root)
	if err != nil {
		return err
	}
	if seen.Unchanged() {
		fmt.Fprintf(out, "generated/ is up to date (%s)\n", took(began))
		return nil
	}
	changes, err := gen.Changes(root)
	if err != nil {
		return err
	}
	if err := write.Apply(root, changes); err != nil {
		return err
	}
	for _, c := range changes {
		verb := "wrote"
		if c.New == nil {
			verb = "removed"
		}
		fmt.Fprintln(out, verb, c.Path)
	}
	fmt.Fprintf(out, "generated/: %d files changed (%s)\n", len(changes), took(began))
	return seen.Remember()
}

func took(since time.Time) time.Duration { return time.Since(since).Round(time.Millisecond) }

var errStale = errors.New("generated/ is not what the ontology says; run: make generate")

func check(folder string, out io.Writer) error {
	root, err := gen.Root(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	changes, err := gen.Changes(root)
	if err != nil {
		return err
	}
	for _, c := range changes {
		write.Diff(out, c)
	}
	if len(changes) > 0 {
		return errStale
	}
	return nil
}

func show(folder string, out io.Writer) error {
	root, err := gen.Root(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	ontology, err := fs.Sub(root.FS(), plan.Source)
	if err != nil {
		return err
	}
	p, err := gen.Plan(ontology)
	if err != nil {
		return err
	}
	return p.Print(out)
}
