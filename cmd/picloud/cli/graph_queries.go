package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/generated/client"
)

// running is a query as the node lists it.
type running struct {
	ID          string    `json:"id"`
	Kind        string    `json:"kind"`
	State       string    `json:"state"`
	Caller      string    `json:"caller"`
	Text        string    `json:"text"`
	Asked       time.Time `json:"asked"`
	Rows        int64     `json:"rows"`
	MemoryBytes int64     `json:"memoryBytes"`
}

func (a *App) graphQueries() *cobra.Command {
	c := &cobra.Command{
		Use:   "queries",
		Short: "List the queries and updates that run and wait",
		Long:  "List the queries and updates that run and wait on the node: your own, or all for administrators.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cluster, err := a.client()
			if err != nil {
				return err
			}
			answer, err := cluster.Do(c.Context(), client.Request{Method: http.MethodGet, Path: "/-/queries", Accept: "application/json"})
			if err != nil {
				return err
			}
			if a.output == "json" {
				return a.printJSON(answer.Body)
			}
			var list struct {
				Items []running `json:"items"`
			}
			if err := json.Unmarshal(answer.Body, &list); err != nil {
				return fmt.Errorf("the node's list of queries cannot be read: %w", err)
			}
			var rows [][]string
			for _, q := range list.Items {
				rows = append(rows, []string{q.ID, q.Kind, q.State, short(q.Caller, cluster.Root()), time.Since(q.Asked).Round(100 * time.Millisecond).String(),
					fmt.Sprint(q.Rows), fmt.Sprintf("%.1fMiB", float64(q.MemoryBytes)/(1<<20)), oneLine(q.Text)})
			}
			a.fittedTable([]string{"ID", "KIND", "STATE", "CALLER", "FOR", "ROWS", "MEMORY", "TEXT"}, rows)
			return nil
		},
	}
	a.outputFlag(c, "table", "json")
	return c
}

func (a *App) graphCancel() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "End a query or update that runs or waits",
		Args:  exactly(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			cluster, err := a.client()
			if err != nil {
				return err
			}
			if _, err := cluster.Do(c.Context(), client.Request{Method: http.MethodDelete, Path: "/-/queries/" + url.PathEscape(arguments[0])}); err != nil {
				return err
			}
			fmt.Fprintln(a.Stderr, "ended")
			return nil
		},
	}
}
