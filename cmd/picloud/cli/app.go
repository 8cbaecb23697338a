package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/spf13/cobra"
)

// Exit codes: what a script does next.
const (
	ExitDone        = 0 // done, or no change needed
	ExitRefused     = 1
	ExitUsage       = 2
	ExitNotFound    = 3
	ExitUnavailable = 4
	ExitUncertain   = 5
	ExitChanges     = 10 // plan found changes
)

// App is one call of the command line and all that it may touch.
type App struct {
	Version string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Env     func(name string) (string, bool)
	// Interactive says that a person can be asked; Coloured that a person reads
	// what is printed.
	Interactive, Coloured bool
	// Width is how many columns the terminal has that is printed to; nil, or a
	// result of 0, where there is none.
	Width func() int

	contextName string // --context
	output      string // -o
	answers     *bufio.Reader
	opened      *client.Client // the last one
}

// exit ends the program with a code of its own; the message, if any, was
// printed already.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

// usage is a call that makes no sense.
type usage struct{ error }

func usagef(format string, arguments ...any) error {
	return usage{fmt.Errorf(format, arguments...)}
}

// Usagef is the error of a call that makes no sense, for commands that the
// binary adds.
func Usagef(format string, arguments ...any) error { return usagef(format, arguments...) }

// Root is the whole command. more are commands that the binary adds, such as
// those of the server.
func (a *App) Root(more ...*cobra.Command) *cobra.Command {
	root := &cobra.Command{
		Use:           "picloud",
		Short:         "A private cloud on small machines",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(a.Stdin)
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.PersistentFlags().StringVar(&a.contextName, "context", "", "cluster to talk to: a name, or the path of a client.json")
	must(root.RegisterFlagCompletionFunc("context", a.completeContexts))
	root.AddGroup(&cobra.Group{ID: "work", Title: "Work with a cluster:"}, &cobra.Group{ID: "node", Title: "Run a node:"})
	for _, c := range []*cobra.Command{a.resource(), a.graph(), a.events(), a.token(), a.context(), a.cluster(), a.ca(), a.doctor()} {
		c.GroupID = "work"
		root.AddCommand(c)
	}
	root.AddCommand(a.operations()...)
	adopt(root, more)
	root.AddCommand(a.version())
	return root
}

// adopt adds commands; those of a group that is there already become members of
// it.
func adopt(root *cobra.Command, more []*cobra.Command) {
	for _, c := range more {
		there, _, err := root.Find([]string{c.Name()})
		if err != nil || there == root {
			root.AddCommand(c)
			continue
		}
		for _, member := range c.Commands() {
			c.RemoveCommand(member)
			there.AddCommand(member)
		}
	}
}

// group is a command that only holds others.
func group(c *cobra.Command, members ...*cobra.Command) *cobra.Command {
	c.AddCommand(members...)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if len(arguments) == 0 {
			return c.Help()
		}
		var names []string
		for _, member := range c.Commands() {
			names = append(names, member.Name())
		}
		if near := base.Nearest(arguments[0], names); near != "" {
			return usagef("%s has no command %q; did you mean %q?", c.CommandPath(), arguments[0], near)
		}
		return usagef("%s has no command %q; there are %s", c.CommandPath(), arguments[0], strings.Join(names, ", "))
	}
	return c
}

// Run carries out one call and gives its exit code.
func (a *App) Run(ctx context.Context, arguments []string, more ...*cobra.Command) int {
	root := a.Root(more...)
	root.SetArgs(arguments)
	called, err := root.ExecuteContextC(ctx)
	if err == nil {
		a.learn(ctx)
		return ExitDone
	}
	var code exit
	if errors.As(err, &code) {
		return int(code)
	}
	var wrong usage
	var found faults
	var failed *base.Error
	switch {
	case errors.As(err, &wrong) || strings.HasPrefix(err.Error(), "unknown command"):
		a.complain(err)
		fmt.Fprintf(a.Stderr, "try: %s --help\n", called.CommandPath())
		return ExitUsage
	case errors.As(err, &found):
		found.print(a)
	case errors.As(err, &failed):
		a.complainOf(err, failed)
		a.whereTo(failed)
		return exitCode(failed.Code)
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(a.Stderr, "interrupted")
		return ExitUncertain
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Fprintln(a.Stderr, "the time is over")
		return ExitUncertain
	default:
		a.complain(err)
	}
	return ExitRefused
}

// complainOf shows what a cluster refused. Violations in files stand on lines
// of their own; places in a body that nobody saw are left out.
// What the whole says already is not said again.
func (a *App) complainOf(err error, failed *base.Error) {
	if len(failed.Violations) == 0 {
		a.complain(errors.New(inFlags(err.Error())))
		return
	}
	said := false
	for _, v := range failed.Violations {
		v.Message = inFlags(v.Message)
		if v.File == "" && strings.Contains(inFlags(failed.Detail), v.Message) {
			continue
		}
		if v.File == "" {
			v = base.Violation{Message: v.Message}
		}
		said = said || v.Message == inFlags(failed.Detail)
		fmt.Fprintln(a.Stderr, v.String())
	}
	if !said {
		a.complain(errors.New(inFlags(failed.Detail)))
	}
}

// inFlags says with flags what a cluster says with parameters of a query.
func inFlags(text string) string {
	return strings.NewReplacer(
		"?deployment=", "--deployment NAME",
		"take-over=true (--take-over)", "--take-over", "delete-data=true (--delete-data)", "--delete-data",
		"take-over=true", "--take-over", "delete-data=true", "--delete-data",
	).Replace(text)
}

func (a *App) complain(err error) { fmt.Fprintln(a.Stderr, a.paint(red, "error:"), err) }

func exitCode(code base.Code) int {
	switch code {
	case base.NotFound, base.Gone:
		return ExitNotFound
	case base.Unavailable, base.Exhausted, base.Full:
		return ExitUnavailable
	case base.Uncertain:
		return ExitUncertain
	}
	return ExitRefused
}

func (a *App) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the version of this program", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(a.Stdout, "picloud", a.Version)
			return err
		},
	}
}

// noArguments and exactly are cobra's checks with the exit code of usage.
func noArguments(c *cobra.Command, arguments []string) error {
	return exactly(0)(c, arguments)
}

func exactly(n int) cobra.PositionalArgs { return between(n, n) }

func between(low, high int) cobra.PositionalArgs {
	return func(c *cobra.Command, arguments []string) error {
		if len(arguments) < low || high >= 0 && len(arguments) > high {
			return usagef("%s; got %d arguments", c.UseLine(), len(arguments))
		}
		return nil
	}
}
