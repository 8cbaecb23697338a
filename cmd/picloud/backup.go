//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/picloud/picloud/cmd/picloud/cli"
	"github.com/picloud/picloud/runtime/backup"
	"github.com/picloud/picloud/runtime/node"
)

func backupCommand(app *cli.App) *cobra.Command {
	var dir, secret string
	var check bool
	c := &cobra.Command{
		Use: "backup FILE", Short: "Write the whole cluster into one encrypted file", Args: cli.Exactly(1),
		Long: `Write the history of the cluster and its master keys into a file that is
encrypted with a passphrase, while the cluster runs. It is made on a machine whose
node votes, by the owner of its directory. What volumes hold is not part of it.
--check reads such a file whole and says what it holds; it needs no node. One that
is interrupted goes on where it was when it is called again (FILE.checked).`,
		RunE: func(c *cobra.Command, arguments []string) error {
			passphrase, err := passphraseFrom(app, secret, !check)
			if err != nil {
				return err
			}
			if check {
				return unread(arguments[0], secret, checkBackup(c.Context(), app, arguments[0], passphrase))
			}
			return writeBackup(c.Context(), app, dir, arguments[0], passphrase)
		},
	}
	c.Flags().StringVar(&dir, "dir", serverDir, "directory of the node")
	c.Flags().BoolVar(&check, "check", false, "only check a file that exists")
	passphraseFlag(c, &secret)
	return c
}

func passphraseFlag(c *cobra.Command, secret *string) {
	c.Flags().StringVar(secret, "passphrase-file", "", "file with the passphrase (default: it is asked for)")
}

// passphraseFrom reads a passphrase from a file or a person; for a new file the
// person types it twice.
func passphraseFrom(app *cli.App, file string, fresh bool) (string, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		passphrase := strings.TrimRight(string(text), "\r\n")
		switch {
		case err != nil:
			return "", fmt.Errorf("--passphrase-file: %w", err)
		case passphrase == "":
			err = errors.New("there is no passphrase in it")
		case fresh:
			err = backup.CheckPassphrase(passphrase)
		}
		if err != nil {
			return "", fmt.Errorf("--passphrase-file %s: %w", file, err)
		}
		return passphrase, nil
	}
	if !app.Interactive {
		return "", cli.Usagef("a passphrase is needed: give --passphrase-file")
	}
	ask := func(what string) ([]byte, error) {
		fmt.Fprintf(app.Stderr, "%s: ", what)
		defer fmt.Fprintln(app.Stderr)
		return term.ReadPassword(int(os.Stdin.Fd()))
	}
	passphrase, err := ask("passphrase")
	if err != nil || !fresh {
		return string(passphrase), err
	}
	if err := backup.CheckPassphrase(string(passphrase)); err != nil {
		return "", err
	}
	again, err := ask("again")
	if err == nil && !bytes.Equal(passphrase, again) {
		err = errors.New("the two differ; nothing was written")
	}
	return string(passphrase), err
}

// unread names the backup that cannot be read, and where the passphrase came from
// that does not open it.
func unread(path, secret string, err error) error {
	switch {
	case errors.Is(err, backup.ErrPassphrase) && secret != "":
		return fmt.Errorf("%s: %w; it was taken from %s (--passphrase-file)", path, err, secret)
	case errors.Is(err, backup.ErrPassphrase), errors.Is(err, backup.ErrDamaged), errors.Is(err, backup.ErrForeign):
		return fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// writeBackup writes the file whole or not at all, and over no other.
func writeBackup(ctx context.Context, app *cli.App, dir, path, passphrase string) (err error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s is there already; take another name", path))
	}
	part := path + ".part"
	file, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	err = node.Backup(ctx, dir, passphrase, file)
	if err == nil {
		err = unread(path, "", describeBackup(ctx, app, file, path, passphrase, ""))
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(part, path), syncDirectory(filepath.Dir(path)))
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// checkedSuffix names the note beside a backup of how far a check of it came.
const checkedSuffix = ".checked"

func checkBackup(ctx context.Context, app *cli.App, path, passphrase string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(describeBackup(ctx, app, file, path, passphrase, path+checkedSuffix), file.Close())
}

// describeBackup reads a backup whole and says what it holds.
func describeBackup(ctx context.Context, app *cli.App, file *os.File, path, passphrase, note string) error {
	c, err := backup.Check(ctx, file, passphrase, note)
	if c.Unnoted != nil {
		fmt.Fprintf(app.Stderr, "a check that is interrupted begins anew, since how far it came cannot be noted: %v\n", c.Unnoted)
	}
	switch {
	case errors.Is(err, backup.ErrUnfinished) && note != "" && c.Unnoted == nil:
		return fmt.Errorf("%s: %w; the same command goes on from there", path, err)
	case err != nil:
		return err
	}
	h, before := c.Header, ""
	if c.Resumed > 0 {
		before = fmt.Sprintf(" (up to position %d by the check before)", c.Resumed)
	}
	_, err = fmt.Fprintf(app.Stdout, "%s: the cluster %s (%s) at position %d of %s, %d batches of events in %d bytes, whole%s\n",
		path, h.Domain, h.Cluster, h.Position, h.Time.Format("2006-01-02 15:04:05 MST"), c.Batches, c.Bytes, before)
	return err
}

func restoreCommand(app *cli.App) *cobra.Command {
	var dir, name, secret string
	var yes bool
	c := &cobra.Command{
		Use: "restore FILE", Short: "Begin a cluster again from a backup", Args: cli.Exactly(1),
		Long: `Fill an empty directory from a backup. The node that is started on it is the
only one of its cluster; its former nodes are removed, and let in anew if they
come with empty directories. Tokens and the authority stay as they were. While a
node of the former cluster runs, do not: two clusters of one name would go on.`,
		RunE: func(c *cobra.Command, arguments []string) error {
			passphrase, err := passphraseFrom(app, secret, false)
			if err != nil {
				return err
			}
			file, err := os.Open(arguments[0])
			if err != nil {
				return err
			}
			defer file.Close()
			if err := app.Agree(yes, "A node of the cluster that the backup is of, should one still run, would go on beside this one: two clusters of one name.", "Restore it in "+dir+"?"); err != nil {
				return err
			}
			restored, err := restore(c.Context(), file, node.RestoreConfig{Dir: dir, Name: name, Version: app.Version, Passphrase: passphrase})
			if err == nil {
				err = giveBack(dir)
			}
			if err != nil {
				return unread(arguments[0], secret, err)
			}
			h := restored.Header
			_, err = fmt.Fprintf(app.Stdout, `restored the cluster %[1]s (%[2]s) at position %[3]d of %[4]s
It goes on from there, in a new generation of positions:
  picloud server --dir %[5]s                this machine, as %[6]s
Tokens of before are valid. A new administrator's is in %[7]s, and from the start on in
%[8]s, for clients:
  picloud context add NAME %[8]s && picloud context use NAME
`, h.Domain, h.Cluster, h.Position, h.Time.Format("2006-01-02 15:04:05 MST"), dir, restored.Name, filepath.Join(dir, "admin.token"), filepath.Join(dir, "client.json"))
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", serverDir, "directory of the node, empty")
	c.Flags().StringVar(&name, "name", "", "name of the node (default: that of the host); if a node of the backup has it, a number is added")
	passphraseFlag(c, &secret)
	cli.YesFlag(c, &yes)
	return c
}

func restore(ctx context.Context, file *os.File, cfg node.RestoreConfig) (restored node.Restored, err error) {
	if cfg.File, err = backup.Of(file); err != nil {
		return restored, err
	}
	return node.Restore(ctx, cfg)
}

func recoverCommand(app *cli.App) *cobra.Command {
	var dir string
	var anyway, yes bool
	var without uint64
	c := &cobra.Command{
		Use: "recover", Short: "Let this node go on alone after the loss of a majority", Args: cli.Exactly(0),
		Long: `Let the node of this machine, which is stopped, go on alone, because a majority
of the voters is lost for good. What only the lost nodes had acknowledged is lost.
A lost node that comes back after all puts what it holds aside and fetches the
history of the survivor. Take the survivor with the highest position: "picloud
cluster verify --quick" names those of all that still run ("log to"), this
command that of the directory before it asks. If the voters can come back, bring
them back instead; while they are a majority this is refused.
A node that was alone and whose event log is damaged says with which position
what is lost begins: --without gives it up for ever.`,
		RunE: func(c *cobra.Command, _ []string) error {
			logger, err := newLogger(app.Stderr, "warn")
			if err != nil {
				return err
			}
			generation, err := node.Recover(c.Context(), node.RecoverConfig{
				Dir: dir, Version: app.Version, Logger: logger, Anyway: anyway, Without: without,
				Agree: func(s node.Survivor) error {
					follows := fmt.Sprintf("%s goes on from position %d. What only the lost voters had acknowledged is lost, and what they hold is put aside if they come back.", s.Name, s.Position)
					if without > 0 {
						follows += fmt.Sprintf(" Position %d and all that came after it is given up.", without)
					}
					return app.Agree(yes, follows, "Let the node in "+dir+" go on alone?")
				},
			})
			if err == nil {
				err = giveBack(dir)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(app.Stdout, "this node is now the only voter; generation %d of positions begins\nstart it: picloud server --dir %s\n", generation, dir)
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", serverDir, "directory of the node")
	c.Flags().BoolVar(&anyway, "anyway", false, "also if other members answer, or no voter is lost")
	c.Flags().Uint64Var(&without, "without", 0, "position with which what is lost begins, which is given up")
	cli.YesFlag(c, &yes)
	return c
}
