package cli

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/generated/client"
)

func (a *App) cluster() *cobra.Command {
	return group(&cobra.Command{Use: "cluster", Short: "Look after the cluster as a whole"},
		a.clusterStatus(), a.clusterVerify())
}

func (a *App) clusterStatus() *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "Show the cluster's own resource", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.show(c.Context(), "/", a.output) },
	}
	a.outputFlag(c, "yaml", "json", "turtle")
	return c
}

// verification is what a node finds when it makes state and graph again from
// the log.
type verification struct {
	Position uint64 `json:"position"`
	Events   uint64 `json:"events"`
	Equal    bool   `json:"equal"`
	Live     sums   `json:"live"`
	Rebuilt  sums   `json:"rebuilt"`
}

type sums struct {
	Chain string `json:"chain"`
	State string `json:"state"`
	Graph string `json:"graph"`
}

func (a *App) clusterVerify() *cobra.Command {
	c := &cobra.Command{
		Use:   "verify",
		Short: "Make state and graph again from the log and compare",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cluster, err := a.client()
			if err != nil {
				return err
			}
			answer, err := cluster.Do(c.Context(), client.Request{Method: http.MethodGet, Path: "/-/verify", Accept: "application/json"})
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(answer.Body)
			}
			var v verification
			if err := json.Unmarshal(answer.Body, &v); err != nil {
				return err
			}
			a.table([]string{"AT " + fmt.Sprint(v.Position), "LIVE", "REBUILT FROM THE LOG"}, [][]string{
				{"chain", v.Live.Chain, v.Rebuilt.Chain},
				{"state", v.Live.State, v.Rebuilt.State},
				{"graph", v.Live.Graph, v.Rebuilt.Graph},
			})
			if !v.Equal {
				fmt.Fprintln(a.Stderr, a.paint(red, "they differ: keep a copy of the node's directory and report it"))
				return exit(ExitRefused)
			}
			fmt.Fprintln(a.Stderr, a.paint(green, "equal"))
			return nil
		},
	}
	a.outputFlag(c, "text", "json")
	return c
}
