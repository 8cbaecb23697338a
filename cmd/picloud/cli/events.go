package cli

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

func (a *App) events() *cobra.Command {
	return group(&cobra.Command{Use: "events", Short: "Follow what happens"}, a.eventsStream())
}

func (a *App) eventsStream() *cobra.Command {
	var after string
	var once bool
	var filter client.EventFilter
	c := &cobra.Command{
		Use:   "stream",
		Short: "Print events as they happen",
		Long:  "Print events as they happen, in the order of the log. --after 0 begins with the first event there is; a lost connection is resumed without a gap.",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			position, err := strconv.ParseUint(after, 10, 64)
			if after != "" && err != nil {
				return usagef("--after: %q is no position; positions are whole numbers, 0 is before the first event", after)
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			from := base.Position(position)
			if after == "" {
				answer, err := cluster.Do(c.Context(), client.Request{Method: http.MethodGet, Path: "/readyz"})
				if err != nil {
					return err
				}
				from = answer.Position
			}
			if filter.Subject != "" && !strings.HasPrefix(filter.Subject, "https://") {
				filter.Subject = cluster.Root() + "/" + strings.TrimPrefix(filter.Subject, "/")
			}
			for event, err := range cluster.Events(c.Context(), from, !once, filter) {
				if err != nil {
					return err
				}
				if err := a.printEvent(event, cluster.Root()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().StringVar(&after, "after", "", "position to begin behind; 0 is the beginning (default: now)")
	c.Flags().BoolVar(&once, "once", false, "end with the last event there is")
	c.Flags().StringSliceVar(&filter.Types, "type", nil, "event types, or those above them: ResourceDeclared")
	c.Flags().StringVar(&filter.Subject, "subject", "", "only events of this resource")
	c.Flags().StringVarP(&filter.Product, "product", "p", "", "only events of this product")
	c.Flags().StringVar(&filter.Correlation, "correlation", "", "only what one request led to")
	a.outputFlag(c, "text", "json")
	return c
}

func (a *App) printEvent(e *client.Event, root string) error {
	if a.output == "json" {
		return a.copyOut(e.Line)
	}
	_, err := fmt.Fprintf(a.Stdout, "%8d  %s  %-28s %s  by %s\n",
		e.Position, e.Time.Local().Format("2006-01-02 15:04:05"), e.Type, short(e.Subject, root), short(e.Actor, root))
	return err
}
