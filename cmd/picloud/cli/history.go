package cli

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

func (a *App) resourceHistory() *cobra.Command {
	var product string
	c := &cobra.Command{
		Use: "history KIND NAME", Short: "Show who changed what, when, and by which deployment and request", Args: between(1, 2), ValidArgsFunction: a.completeResources,
		RunE: func(c *cobra.Command, arguments []string) error {
			_, path, err := resourcePath(arguments, product)
			if err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			var rows [][]string
			for event, err := range cluster.Events(c.Context(), 0, false, client.EventFilter{Subject: cluster.Root() + path}) {
				if err != nil {
					return err
				}
				if a.output == "json" {
					if err := a.copyOut(event.Line); err != nil {
						return err
					}
					continue
				}
				var data struct {
					Changed []string `json:"changed"`
					Reason  string   `json:"reason"`
				}
				_ = json.Unmarshal(event.Data, &data) // other payloads have neither
				rows = append(rows, []string{
					event.ID, event.Time.Local().Format("2006-01-02 15:04:05"), event.Type, short(event.Actor, cluster.Root()),
					strings.TrimSpace(strings.Join(data.Changed, " ") + " " + data.Reason), event.Deployment, event.Correlation,
				})
			}
			if a.output == "json" {
				return nil
			}
			if len(rows) == 0 {
				return &base.Error{Code: base.NotFound, Detail: "nothing ever happened to " + path}
			}
			a.table([]string{"POSITION", "WHEN", "EVENT", "WHO", "WHAT", "DEPLOYMENT", "REQUEST"}, rows)
			return nil
		},
	}
	productFlag(c, &product)
	a.outputFlag(c, "table", "json")
	return c
}
