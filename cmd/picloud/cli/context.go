package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

// contextFile is what client.json holds: where a cluster is and who asks.
type contextFile struct {
	Endpoint string `json:"endpoint"`
	// Endpoints are the nodes of the cluster, which stand in when Endpoint fails;
	// null means Endpoint and no other.
	Endpoints []string `json:"endpoints"`
	Domain    string   `json:"domain"`
	CA        string   `json:"ca"`    // PEM
	Token     string   `json:"token"` // bearer token
}

// contextPath finds the file of the chosen cluster: the one that is named, the
// user's configuration, else the development cluster beside us. A name with a
// slash or that ends in .json is a path.
func (a *App) contextPath() (string, error) {
	name, _ := a.namedContext()
	if strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".json") {
		return name, nil
	}
	dir, err := a.contextDir()
	if name != "" {
		return filepath.Join(dir, name+".json"), err
	}
	if err == nil {
		current, err := os.ReadFile(filepath.Join(dir, "current"))
		if err == nil {
			return filepath.Join(dir, strings.TrimSpace(string(current))+".json"), nil
		}
	}
	return filepath.Join(".picloud-dev", "client.json"), nil
}

// Means reports whether commands talk to the cluster of a client.json unless they
// are told otherwise.
func (a *App) Means(path string) bool {
	chosen, err := a.contextPath()
	return err == nil && chosen == path
}

// namedContext is what --context or else PICLOUD_CONTEXT names, and which of them
// did; "" if none did.
func (a *App) namedContext() (name, by string) {
	if a.contextName != "" {
		return a.contextName, "--context"
	}
	name, _ = a.Env("PICLOUD_CONTEXT")
	return name, "PICLOUD_CONTEXT"
}

// contextDir is where the contexts of the user are kept.
func (a *App) contextDir() (string, error) {
	if home, _ := a.Env("XDG_CONFIG_HOME"); home != "" {
		return filepath.Join(home, "picloud"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no place for contexts: %w; set PICLOUD_CONTEXT to the path of a client.json", err)
	}
	return filepath.Join(dir, "picloud"), nil
}

// brokenContext is a client.json that cannot be read.
type brokenContext struct {
	path string
	err  error
}

func (b *brokenContext) Error() string { return b.path + " is no client.json: " + b.err.Error() }
func (b *brokenContext) Unwrap() error { return b.err }

func (a *App) loadContext() (client.Config, error) {
	path, err := a.contextPath()
	if err != nil {
		return client.Config{}, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return client.Config{}, a.noContext(path)
	}
	if err != nil {
		return client.Config{}, err
	}
	var file contextFile
	if err := json.Unmarshal(data, &file); err != nil {
		return client.Config{}, &brokenContext{path, err}
	}
	return client.Config{Endpoints: append([]string{file.Endpoint}, file.Endpoints...), Domain: file.Domain, CA: []byte(file.CA), Token: file.Token}, nil
}

// noContext says what to do about the chosen file, which does not exist.
func (a *App) noContext(path string) error {
	named, by := a.namedContext()
	names, _ := a.contextNames()
	switch name := strings.TrimSuffix(filepath.Base(path), ".json"); {
	case named == path:
		return usagef("%s names %s, which does not exist; name the client.json of a cluster, or one that is kept (picloud context list)", by, path)
	case filepath.Base(filepath.Dir(path)) == "picloud" && len(names) > 0:
		return usagef("there is no context %q; known: %s", name, strings.Join(names, ", "))
	case named != "":
		return usagef("%s names the context %q, and none is kept yet; keep it: picloud context add %s client.json", by, name, name)
	}
	return fmt.Errorf("no cluster is chosen (%s does not exist); start one with \"picloud dev\", name one with --context, ask as the user who ran \"picloud cluster init\", or bring client.json from its machine here: picloud context add NAME client.json", path)
}

// unreached is how a client begins to say that not one node could be reached.
const unreached = "the node cannot be reached: "

// whereTo says where the nodes were sought, and what to do, when none was reached.
func (a *App) whereTo(failed *base.Error) {
	if a.opened == nil || !strings.HasPrefix(failed.Detail, unreached) {
		return
	}
	path, err := a.contextPath()
	if err != nil {
		return
	}
	name := path
	if dir, err := a.contextDir(); err == nil && filepath.Dir(path) == dir {
		name = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	fmt.Fprintf(a.Stderr, "the context %s knows of %s; start a node there, bring a client.json with addresses of today, or choose another cluster (picloud context list)\n", name, strings.Join(a.opened.Endpoints(), ", "))
}

func (a *App) context() *cobra.Command {
	return group(&cobra.Command{Use: "context", Short: "Choose the cluster that commands talk to"},
		&cobra.Command{
			Use: "list", Short: "List the known clusters", Args: noArguments,
			RunE: func(*cobra.Command, []string) error { return a.contextList() },
		},
		&cobra.Command{
			Use: "use NAME", Short: "Make a cluster the one that is meant", Args: exactly(1), ValidArgsFunction: a.completeContexts,
			RunE: func(_ *cobra.Command, arguments []string) error { return a.contextUse(arguments[0]) },
		},
		&cobra.Command{
			Use: "add NAME CLIENT.JSON", Short: "Keep a client.json under a name", Args: exactly(2),
			Long: `Keep a client.json under a name, for --context and "picloud context use". Who has
chosen no cluster yet chooses it with that.`,
			RunE: func(_ *cobra.Command, arguments []string) error {
				name := arguments[0]
				meant, err := a.contextKeep(name, arguments[1])
				named, by := a.namedContext()
				switch {
				case err != nil:
					return err
				case meant && named != "" && named != name:
					fmt.Fprintf(a.Stderr, "kept; commands talk to %s where %s names no other\n", name, by)
				case meant:
					fmt.Fprintf(a.Stderr, "kept; commands talk to %s now\n", name)
				default:
					fmt.Fprintf(a.Stderr, "kept; to work with it: picloud context use %s\n", name)
				}
				return nil
			},
		},
		&cobra.Command{
			Use: "show", Short: "Show which cluster is meant and why", Args: noArguments,
			RunE: func(*cobra.Command, []string) error {
				path, err := a.contextPath()
				if err != nil {
					return err
				}
				cfg, err := a.loadContext()
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.Stdout, "%s\t%s at %s\n", path, cfg.Domain, strings.Join(cfg.Endpoints, ", "))
				return err
			},
		},
	)
}

// contextNames lists the contexts of the user.
func (a *App) contextNames() ([]string, error) {
	dir, err := a.contextDir()
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	return names, err
}

func (a *App) completeContexts(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names, _ := a.contextNames() // nothing to offer is no error here
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (a *App) contextList() error {
	names, err := a.contextNames()
	if err != nil {
		return err
	}
	chosen, _ := a.contextPath()
	for _, name := range names {
		mark := " "
		if strings.TrimSuffix(filepath.Base(chosen), ".json") == name {
			mark = "*"
		}
		fmt.Fprintln(a.Stdout, mark, name)
	}
	return nil
}

func (a *App) contextUse(name string) error {
	names, err := a.contextNames()
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		return usagef("there is no context %q; known: %s", name, strings.Join(names, ", "))
	}
	dir, err := a.contextDir()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "current"), []byte(name+"\n"), 0o600)
}

// KeepContext keeps a client.json as a context of the user, named after the
// domain of its cluster, and makes it the one that is meant if none is. It gives
// the name, and whether it is the one that is meant.
func (a *App) KeepContext(domain, path string) (name string, meant bool, err error) {
	name, _, _ = strings.Cut(domain, ".")
	known, err := a.contextNames()
	if err != nil {
		return "", false, err
	}
	for i := 2; slices.Contains(known, name); i++ {
		first, _, _ := strings.Cut(domain, ".")
		name = fmt.Sprintf("%s-%d", first, i)
	}
	meant, err = a.contextKeep(name, path)
	return name, meant, err
}

// contextKeep keeps a client.json under a name, and makes it the one that is meant
// if none is. It tells whether this one is meant.
func (a *App) contextKeep(name, path string) (meant bool, err error) {
	if err := a.contextAdd(name, path); err != nil {
		return false, err
	}
	dir, err := a.contextDir()
	if err != nil {
		return false, err
	}
	current, err := os.ReadFile(filepath.Join(dir, "current"))
	if chosen := strings.TrimSpace(string(current)); err == nil {
		if _, err := os.Stat(filepath.Join(dir, chosen+".json")); err == nil {
			return chosen == name, nil
		}
	}
	return true, a.contextUse(name)
}

func (a *App) contextAdd(name, path string) error {
	if strings.ContainsAny(name, `/\.`) {
		return usagef("a context's name has no dot and no slash; got %q", name)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file contextFile
	if err := json.Unmarshal(data, &file); err != nil || file.Endpoint == "" {
		return usagef("%s is no client.json", path)
	}
	dir, err := a.contextDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".json"), data, 0o600)
}
