package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

func (a *App) resourceEdit() *cobra.Command {
	var product string
	c := &cobra.Command{
		Use: "edit KIND NAME", Short: "Change a resource in an editor", Args: between(1, 2), ValidArgsFunction: a.completeResources,
		Long: "Change a resource in an editor ($VISUAL, $EDITOR, else vi), as .picloud. Faults are shown and can be mended. Nothing is written when somebody else changed the resource meanwhile.",
		RunE: func(c *cobra.Command, arguments []string) error {
			class, path, err := resourcePath(arguments, product)
			if err != nil {
				return err
			}
			if class.Origin != base.Declared {
				return usagef("%s comes from the cluster itself and cannot be edited", article(class.Word))
			}
			return a.edit(c.Context(), path)
		},
	}
	productFlag(c, &product)
	return c
}

// edit lets a person change the declaration of the resource at a path until it
// is taken.
func (a *App) edit(ctx context.Context, path string) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	v, answer, err := read(ctx, cluster, path, 0)
	if err != nil {
		return err
	}
	live, err := declared(v, cluster.Root())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "picloud-edit-")
	if err != nil {
		return err
	}
	s := &editing{
		App: a, cluster: cluster, ref: live.Address.Ref, revision: answer.Revision(),
		file:   filepath.Join(dir, live.Class.Word+".picloud"),
		before: lang.Print(schema.Model, cluster.Root(), []*lang.Resource{live}),
	}
	if err = s.run(ctx); err == nil || !s.edited {
		_ = os.RemoveAll(dir) // a rest in the folder for temporary files harms nobody
	}
	return err
}

// editing is one resource in the hands of a person.
type editing struct {
	*App
	cluster  *client.Client
	ref      base.Ref
	revision base.Position
	file     string
	before   []byte
	edited   bool // so the file holds work
}

func (s *editing) run(ctx context.Context) error {
	if err := os.WriteFile(s.file, s.before, 0o600); err != nil {
		return err
	}
	for {
		if err := s.open(ctx); err != nil {
			return err
		}
		after, err := os.ReadFile(s.file)
		if err != nil {
			return err
		}
		if bytes.Equal(after, s.before) {
			fmt.Fprintln(s.Stdout, "no change")
			s.edited = false
			return nil
		}
		s.edited = true
		position, err := s.put(ctx)
		if err == nil {
			fmt.Fprintf(s.Stdout, "%s is changed, position %d\n", s.ref, position)
			return nil
		}
		if !mendable(err) {
			return fmt.Errorf("%w\nwhat you wrote is in %s", err, s.file)
		}
		fmt.Fprintln(s.Stderr, err)
		if answer, ok := s.ask("Edit again? [Y/n]"); !ok || strings.HasPrefix(strings.ToLower(answer), "n") {
			return fmt.Errorf("nothing was changed; what you wrote is in %s", s.file)
		}
	}
}

// mendable tells errors that another look at the file can mend.
func mendable(err error) bool {
	var found lines
	var failed *base.Error
	return errors.As(err, &found) || errors.As(err, &failed) && (failed.Code == base.Invalid || failed.Code == base.Conflict)
}

// lines are faults in a file that is still open, one a line.
type lines []base.Violation

func (l lines) Error() string {
	texts := make([]string, len(l))
	for i, v := range l {
		texts[i] = v.String()
	}
	return strings.Join(texts, "\n")
}

// put declares what the file says, if nobody did so meanwhile.
func (s *editing) put(ctx context.Context) (base.Position, error) {
	deployment, violations := lang.Load(schema.Model, []string{s.file}, lang.Options{Root: s.cluster.Root(), Check: checkKind, Getenv: s.Env})
	for i := range violations {
		violations[i].File = filepath.Base(s.file)
	}
	if len(violations) > 0 {
		return 0, lines(violations)
	}
	if len(deployment.Resources) != 1 || deployment.Resources[0].Address.Ref != s.ref {
		return 0, lines{{File: filepath.Base(s.file), Line: 1, Column: 1,
			Message: fmt.Sprintf("the file must declare %s and nothing else; kind, name and product stay as they are", s.ref)}}
	}
	r := deployment.Resources[0]
	r.File = filepath.Base(s.file)
	answer, err := s.cluster.Do(ctx, client.Request{
		Method: http.MethodPut, Path: string(s.ref), ContentType: "application/json",
		Body: base.AppendValue(nil, r.Value), IfMatch: fmt.Sprintf("%q", s.revision.String()),
	})
	var refused *base.Error
	switch {
	case err == nil:
		return answer.Position, nil
	case errors.As(err, &refused) && len(refused.Violations) > 0:
		for i, v := range refused.Violations {
			refused.Violations[i] = at(v, r, v.Pointer)
		}
	case errors.As(err, &refused) && refused.Code == base.Stale:
		refused.Detail = fmt.Sprintf("%s was changed meanwhile, nothing was written", s.ref)
	}
	return 0, err
}

// open runs the editor on the file. The editor's words are taken as they are;
// no shell reads them.
func (s *editing) open(ctx context.Context) error {
	command := "vi"
	if runtime.GOOS == "windows" {
		command = "notepad"
	}
	for _, name := range []string{"EDITOR", "VISUAL"} {
		if editor, _ := s.Env(name); strings.TrimSpace(editor) != "" {
			command = editor
		}
	}
	words := append(strings.Fields(command), s.file)
	editor := exec.CommandContext(ctx, words[0], words[1:]...)
	editor.Stdin, editor.Stdout, editor.Stderr = s.Stdin, s.Stdout, s.Stderr
	if err := editor.Run(); err != nil {
		return fmt.Errorf("the editor %q: %w; set EDITOR to another", command, err)
	}
	return nil
}
