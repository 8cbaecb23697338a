package cli

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/generated/client"
)

// found is what reasoning found in a store, as the node tells it.
type found struct {
	Inference      string `json:"inference"`
	Conforms       bool   `json:"conforms"`
	Unconcluded    string `json:"unconcluded"`
	Contradictions []struct {
		Rule    string   `json:"rule"`
		Graph   string   `json:"graph"`
		Triples []string `json:"triples"`
		Given   []string `json:"given"`
	} `json:"contradictions"`
	Refused []struct {
		Triple string `json:"triple"`
		Graph  string `json:"graph"`
		Reason string `json:"reason"`
	} `json:"refused"`
	More bool `json:"more"`
}

func (a *App) graphFindings() *cobra.Command {
	var where place
	c := &cobra.Command{
		Use:   "findings",
		Short: "Tell what reasoning found in a store",
		Long: `Tell what reasoning found in a store that asks for inference: contradictions with the triples that lead to them, axioms that are not believed
because they are about terms of others, and why nothing follows where that is so. As Turtle it is a validation report of SHACL.`,
		Args:    noArguments,
		Example: "  picloud graph findings --store photo-app/catalogue",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := where.needStore("reasoning is about a store"); err != nil {
				return err
			}
			path, err := where.path()
			if err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			accept := map[string]string{"text": "application/json", "json": "application/json", "turtle": "text/turtle"}[a.output]
			answer, err := cluster.Do(c.Context(), client.Request{Method: http.MethodGet, Path: path + "/findings", Accept: accept})
			if err != nil {
				return err
			}
			switch a.output {
			case "json":
				return a.printJSON(answer.Body)
			case "turtle":
				return a.copyOut(answer.Body)
			}
			var f found
			if err := json.Unmarshal(answer.Body, &f); err != nil {
				return fmt.Errorf("what the node found cannot be read: %w", err)
			}
			a.printFindings(f)
			return nil
		},
	}
	a.placeFlags(c, &where, "look at")
	a.outputFlag(c, "text", "json", "turtle")
	return c
}

func (a *App) printFindings(f found) {
	line := func(format string, args ...any) { fmt.Fprintf(a.Stdout, format+"\n", args...) }
	in := func(graph string) string {
		if graph == "" {
			return ""
		}
		return " in <" + graph + ">"
	}
	switch {
	case f.Inference == "" || f.Inference == "none":
		line("the store asks for no inference; set its field inference to rdfs or owl-rl")
	case f.Conforms:
		line("nothing is wrong (%s)", f.Inference)
	}
	if f.Unconcluded != "" {
		line("%s", f.Unconcluded)
	}
	for _, c := range f.Contradictions {
		line("contradiction (%s)%s:", c.Rule, in(c.Graph))
		for _, triple := range c.Triples {
			line("  %s", triple)
		}
		line("  because of")
		for _, triple := range c.Given {
			line("    %s", triple)
		}
	}
	for _, r := range f.Refused {
		line("not believed%s:", in(r.Graph))
		line("  %s", r.Triple)
		line("  %s", r.Reason)
	}
	if f.More {
		line("there is more")
	}
}
