package gen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

// Plan reads an ontology and plans its output. The error of a faulty ontology
// is of type load.Problems.
func Plan(ontology fs.FS) (*plan.Plan, error) {
	source, err := load.Read(ontology)
	if err != nil {
		return nil, err
	}
	m, err := model.Build(source)
	if err != nil {
		return nil, err
	}
	return plan.New(m)
}

// Files makes all output of a plan in memory.
func Files(p *plan.Plan, outputs []Output) ([]write.File, error) {
	made := make([][]write.File, len(outputs))
	problems := make([]error, len(outputs))
	var wait sync.WaitGroup
	for i, o := range outputs {
		wait.Go(func() {
			files, err := o.Emit(p)
			if err != nil {
				err = fmt.Errorf("%s: %w", o.Name, err)
			}
			made[i], problems[i] = files, err
		})
	}
	wait.Wait()
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	var all []write.File
	for _, files := range made {
		all = append(all, files...)
	}
	return write.Finish(all)
}

// Owned are the places of all outputs.
func Owned(outputs []Output) (places []string) {
	for _, o := range outputs {
		places = append(places, o.Owns...)
	}
	return places
}

// Changes finds what a repository's output lacks, given its root. It is
// silent about what lies in places that no output owns.
func Changes(root *os.Root) ([]write.Change, error) {
	ontology, err := fs.Sub(root.FS(), plan.Source)
	if err != nil {
		return nil, err
	}
	p, err := Plan(ontology)
	if err != nil {
		return nil, err
	}
	files, err := Files(p, Outputs())
	if err != nil {
		return nil, err
	}
	return write.Compare(root, Owned(Outputs()), files)
}

// Root opens the repository that a folder lies in: the nearest one above it
// with a go.mod and an ontology.
func Root(from string) (*os.Root, error) {
	folder, err := filepath.Abs(from)
	if err != nil {
		return nil, err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if isFile(at, "go.mod") && isFile(at, plan.Source+"/meta.ttl") {
			return os.OpenRoot(at)
		}
		if at == filepath.Dir(at) {
			return nil, fmt.Errorf("no go.mod with an %s folder beside it at or above %s; run this inside the repository", plan.Source, folder)
		}
	}
}

func isFile(folder, name string) bool {
	info, err := os.Stat(filepath.Join(folder, name))
	return err == nil && info.Mode().IsRegular()
}
