//go:build linux

package install

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/cmd/picloud/cli"
)

// report is what the command prints.
type report struct {
	Checks  []Check  `json:"checks,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	Next    string   `json:"next,omitempty"`
}

// command is one call.
type command struct {
	app                                *cli.App
	node                               Node
	root, dir                          string
	check, uninstall, overwrite, force bool
	start                              bool
}

// Node is what installing asks of the program that it installs.
type Node struct {
	Takes   func(flags []string) error                  // whether "picloud server" takes flags
	Answers func(ctx context.Context, dir string) error // whether the node of a directory does
}

// Command is "picloud install".
func Command(app *cli.App, node Node) *cobra.Command {
	o := command{app: app, node: node}
	c := &cobra.Command{
		Use: "install [-- FLAGS OF THE SERVER]", GroupID: "node", Short: "Make this machine a node that starts with it, after checking that it will do",
		Long: `Check this machine, then install the program, a systemd unit and directories, and start the node.
What stands after -- are flags of "picloud server", such as --listen :443 or --join HOST:PORT.
Run again, it changes only what is not as it should be; what was changed by hand it keeps.`,
		Example: `  picloud install
  picloud install --check -o json
  picloud install --dir /mnt/ssd/picloud -- --listen=:8443
  picloud install --uninstall`,
		Args: func(c *cobra.Command, arguments []string) error {
			if dash := c.ArgsLenAtDash(); len(arguments) > 0 && dash != 0 {
				return cli.Usagef("flags of the server stand after --: picloud install -- %s", strings.Join(arguments, " "))
			}
			return nil
		},
		RunE: func(c *cobra.Command, flags []string) error { return o.run(c.Context(), flags) },
	}
	c.Flags().StringVar(&o.root, "root", "/", "directory to install below, such as a mounted image; nothing is started then")
	c.Flags().StringVar(&o.dir, "dir", stateDir, "directory of the node's data")
	c.Flags().BoolVar(&o.check, "check", false, "check only")
	c.Flags().BoolVar(&o.uninstall, "uninstall", false, "remove what was installed, but no data")
	c.Flags().BoolVar(&o.overwrite, "overwrite", false, "replace or remove files that were changed by hand too")
	c.Flags().BoolVar(&o.force, "force", false, "install although a check failed")
	c.Flags().BoolVar(&o.start, "start", true, "start the node, or start it again if something changed")
	c.MarkFlagsMutuallyExclusive("check", "uninstall")
	app.OutputFlag(c, "table", "json")
	return c
}

func (o *command) run(ctx context.Context, flags []string) error {
	i, err := o.installer(flags)
	if err != nil {
		return err
	}
	var r report
	if o.uninstall {
		return o.remove(ctx, i)
	}
	listen := listenOf(flags)
	if listen == "" {
		listen = listenOf(strings.Fields(read(i.at(optionsPath)))) // as it was installed
	}
	if o.check || filepath.Clean(o.root) == "/" { // what is installed elsewhere runs elsewhere
		r.Checks = Judge(Probe(ctx, i.at(o.dir), cmp.Or(listen, ":443")))
	}
	failed := slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Result == Fail })
	if o.check || failed && !o.force {
		if failed && !o.check {
			r.Next = "nothing was installed, because a check failed; mend it, or install all the same with --force"
		}
		if err := o.print(r); err != nil || !failed {
			return err
		}
		return cli.Refused()
	}
	changes, err := i.Install()
	r.Changes = changes
	if err == nil {
		r.Next, err = o.begin(ctx, changes)
	}
	return errors.Join(o.print(r), wrap(err))
}

func (o *command) installer(flags []string) (*Installer, error) {
	if err := checkFlags(flags); err != nil {
		return nil, cli.Usagef("%v", err)
	}
	if err := o.node.Takes(flags); err != nil {
		return nil, cli.Usagef("after --: %v; see picloud server --help", err)
	}
	if !filepath.IsAbs(o.dir) || filepath.Clean(o.dir) != o.dir || strings.ContainsAny(o.dir, " \t\r\n\"'\\$%;") || o.dir == "/" {
		return nil, cli.Usagef("--dir %q is no plain absolute path such as /mnt/ssd/picloud", o.dir)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	if about, err := os.Stat(root); err != nil || !about.IsDir() {
		return nil, cli.Usagef("--root %s is no directory", o.root)
	}
	if len(flags) == 0 {
		flags = nil
	}
	return &Installer{Root: root, Dir: o.dir, Flags: flags, Overwrite: o.overwrite, Program: program}, nil
}

// live says that the machine that runs is meant, and systemd runs it.
func (o *command) live() bool {
	_, err := os.Stat("/run/systemd/system")
	return filepath.Clean(o.root) == "/" && err == nil
}

// begin starts the node, and says what is next.
func (o *command) begin(ctx context.Context, changes []Change) (string, error) {
	const then = "first node: picloud cluster init; any other: nothing, it looks for the cluster and asks to be let in"
	changed := slices.ContainsFunc(changes, func(c Change) bool {
		return c.Change == "created" || c.Change == "updated"
	})
	switch {
	case filepath.Clean(o.root) != "/":
		return "the node starts with the machine that this directory is the root of; there, \"picloud install --check\" says whether it will do", nil
	case !o.live():
		return "start it: picloud server --dir " + o.dir + " --listen :443", nil
	case !o.start:
		return "start it: systemctl daemon-reload && systemctl start picloud", nil
	case !changed:
		return then, o.startNode(ctx, "start")
	}
	if err := call(ctx, "systemd-sysusers", usersPath); err != nil {
		return "", err
	}
	if err := systemctl(ctx, "daemon-reload"); err != nil {
		return "", err
	}
	return then, o.startNode(ctx, "restart")
}

// startNode starts the node, or starts it again. One that ends at once may do so
// before systemd has counted it as started, or after.
func (o *command) startNode(ctx context.Context, verb string) error {
	if err := systemctl(ctx, verb, "picloud.service"); err != nil {
		return fmt.Errorf("the node does not answer; why is in: journalctl -u picloud: %w", err)
	}
	return o.awaitNode(ctx)
}

// answerTime is how long a node may take to answer the owner of its directory,
// which it does before it reads its history.
const answerTime = 10 * time.Second

// awaitNode waits until the node answers: systemd counts it as started as soon as
// it runs, and what is told to it next would find nobody.
func (o *command) awaitNode(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		if o.node.Answers(ctx, o.dir) == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("the node was started and does not answer within %s; why is in: journalctl -u picloud", answerTime)
		}
	}
}

func (o *command) remove(ctx context.Context, i *Installer) error {
	var stopped error
	if _, err := os.Stat(i.at(unitPath)); o.live() && err == nil {
		stopped = systemctl(ctx, "stop", "picloud.service")
	}
	changes, err := i.Uninstall()
	if o.live() {
		err = errors.Join(err, systemctl(ctx, "daemon-reload"))
	}
	next := "the user " + user + " and the node's data, if any, are left; remove them when they are not needed any more"
	return errors.Join(o.print(report{Changes: changes, Next: next}), wrap(errors.Join(stopped, err)))
}

func systemctl(ctx context.Context, arguments ...string) error {
	return call(ctx, "systemctl", arguments...)
}

func call(ctx context.Context, program string, arguments ...string) error {
	out, err := exec.CommandContext(ctx, program, arguments...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// wrap says what helps where only root may.
func wrap(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; run this as root, or install below another directory with --root", err)
	}
	return err
}

func (o *command) print(r report) error {
	if o.app.Output() == "json" {
		return o.app.PrintJSON(r)
	}
	var rows [][]string
	for _, c := range r.Checks {
		rows = append(rows, []string{c.Name, c.Result, c.Found, c.Remedy})
	}
	if len(rows) > 0 {
		o.app.Table([]string{"CHECK", "RESULT", "FOUND", "REMEDY"}, rows)
	}
	rows = nil
	for _, c := range r.Changes {
		rows = append(rows, []string{c.Path, c.Change, c.Note})
	}
	if len(rows) > 0 {
		o.app.Table([]string{"PATH", "CHANGE", "NOTE"}, rows)
	}
	if r.Next != "" {
		fmt.Fprintln(o.app.Stderr, r.Next)
	}
	return nil
}

// listenOf finds the address among flags of the server.
func listenOf(flags []string) string {
	for n, f := range flags {
		f = strings.TrimPrefix(f, "PICLOUD_OPTIONS=")
		if value, ok := strings.CutPrefix(f, "--listen="); ok {
			return value
		}
		if f == "--listen" && n+1 < len(flags) {
			return flags[n+1]
		}
	}
	return ""
}
