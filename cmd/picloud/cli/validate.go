package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/runtime/lang"
)

// defaultDomain is the domain of a cluster that nobody gave another.
const defaultDomain = "picloud.local"

func (a *App) resourceValidate() *cobra.Command {
	var domain string
	c := &cobra.Command{
		Use:   "validate PATH...",
		Short: "Check files without a cluster",
		Long: `Check files without a cluster: their syntax, the bounds of every field, and references among them.

What only a cluster knows is not checked: references to what is not in the files, which are listed, and the Turtle in fields such as content
and ontology, whether it can be read and speaks of terms of its own. "picloud resource plan" asks the cluster for both and changes nothing.`,
		Args: between(1, -1),
		RunE: func(c *cobra.Command, paths []string) error {
			deployment, err := a.load("https://"+domain, paths)
			if err != nil {
				return err
			}
			a.printOutside(deployment)
			fmt.Fprintln(a.Stdout, count(len(deployment.Resources), "resource"), "without fault")
			return nil
		},
	}
	c.Flags().StringVar(&domain, "domain", defaultDomain, "domain of the cluster that the files are for")
	return c
}

// printOutside lists the references that only a cluster can check, each with
// its first place.
func (a *App) printOutside(d *lang.Deployment) {
	seen := map[lang.Outside]bool{}
	for _, o := range d.Outside {
		key := lang.Outside{Target: o.Target, Class: o.Class}
		if !seen[key] {
			fmt.Fprintf(a.Stdout, "%s:%d:%d: %s is not checked without a cluster\n", o.File, o.Line, o.Column, o.Target)
		}
		seen[key] = true
	}
}
