package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/generated/client"
)

// comparison is what was found of the logs of all nodes.
type comparison struct {
	Position uint64     `json:"position"`
	Equal    bool       `json:"equal"`
	Complete bool       `json:"complete"`
	Nodes    []compared `json:"nodes"`
}

type compared struct {
	Name     string `json:"name"`
	Chain    string `json:"chain"`
	Equal    bool   `json:"equal"`
	Fault    string `json:"fault"`
	Since    string `json:"since"`
	Position uint64 `json:"position"`
	Live     *sums  `json:"live"`
	Rebuilt  *sums  `json:"rebuilt"`
}

type sums struct {
	Chain    string `json:"chain"`
	State    string `json:"state"`
	Graph    string `json:"graph"`
	Datasets string `json:"datasets"`
}

func (a *App) clusterVerify() *cobra.Command {
	var quick bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Compare the logs of all nodes, and what each made of its own",
		Long: `Compare the logs of all nodes by their chain digests. Each node then makes
state and graph again from its log, one after the other, and these are compared
with what it answers from and with the other nodes; --quick leaves that out. The
exit code is 1 if anything differs, 4 if a node could not be compared.`,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.verify(c.Context(), quick) },
	}
	c.Flags().BoolVar(&quick, "quick", false, "only the logs")
	a.outputFlag(c, "text", "json")
	return c
}

func (a *App) verify(ctx context.Context, quick bool) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	answer, err := cluster.Do(ctx, client.Request{
		Method: http.MethodGet, Path: fmt.Sprintf("/-/cluster/verify?rebuild=%t", !quick), Accept: "application/json",
	})
	if err != nil {
		return err
	}
	var found comparison
	if err := json.Unmarshal(answer.Body, &found); err != nil {
		return err
	}
	if a.output == "json" {
		err = a.printJSON(answer.Body)
	} else {
		a.digests(found)
	}
	switch {
	case err != nil:
		return err
	case !found.Equal:
		fmt.Fprintln(a.Stderr, a.paint(red, "they differ: keep copies of the nodes' directories and report it"))
		return exit(ExitRefused)
	case !found.Complete:
		fmt.Fprintln(a.Stderr, a.paint(yellow, "equal, but not all were compared: "+strings.Join(found.missing(), ", ")))
		return exit(ExitUnavailable)
	}
	fmt.Fprintln(a.Stderr, a.paint(green, "equal"))
	return nil
}

// missing are the nodes that were not compared.
func (c comparison) missing() (names []string) {
	for _, n := range c.Nodes {
		if n.Fault != "" {
			names = append(names, n.Name)
		}
	}
	return names
}

// digests shows those of each node, those made again beside those that it answers
// from.
func (a *App) digests(found comparison) {
	var rows [][]string
	again := "" // what --quick leaves out has no heading
	for _, n := range found.Nodes {
		log := fmt.Sprintf("log to %d", found.Position)
		verdict := a.paint(green, "equal")
		switch {
		case n.Fault != "" && n.Chain == "":
			log, verdict = "", a.paint(yellow, unreachable(n.Since)+": "+n.Fault)
		case n.Fault != "":
			verdict = a.paint(yellow, "only the log was compared: "+n.Fault)
		case !n.Equal:
			verdict = a.paint(red, "differs")
		}
		rows = append(rows, []string{n.Name, log, brief(n.Chain), "", verdict})
		if n.Live == nil || n.Rebuilt == nil {
			continue
		}
		again = "REBUILT FROM THE LOG"
		for _, part := range [][3]string{{"state", n.Live.State, n.Rebuilt.State}, {"graph", n.Live.Graph, n.Rebuilt.Graph}, {"datasets", n.Live.Datasets, n.Rebuilt.Datasets}} {
			rows = append(rows, []string{"", fmt.Sprintf("%s at %d", part[0], n.Position), brief(part[1]), brief(part[2]), ""})
		}
	}
	a.table([]string{"NODE", "WHAT", "LIVE", again, ""}, rows)
}

// brief is enough of a digest for people to compare.
func brief(digest string) string { return digest[:min(len(digest), 16)] }
