package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

// plan is what a deployment would do, or has done, as POST /apply answers it.
type plan struct {
	Deployment  string        `json:"deployment"`
	Position    base.Position `json:"position"`
	Changes     []change      `json:"changes"`
	Summary     summary       `json:"summary"`
	Events      int           `json:"events"`
	Correlation string        `json:"correlation"`

	tag  string // names exactly this plan
	text []byte
}

type change struct {
	Action string        `json:"action"` // create, change, delete or none
	Kind   string        `json:"kind"`
	IRI    string        `json:"iri"`
	Fields []fieldChange `json:"fields"`
}

type fieldChange struct {
	Pointer string          `json:"pointer"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

type summary struct {
	Create int `json:"create"`
	Change int `json:"change"`
	Delete int `json:"delete"`
	None   int `json:"none"`
}

func (s summary) changes() bool { return s.Create+s.Change+s.Delete > 0 }

// applyOptions say how a deployment is applied.
type applyOptions struct {
	deployment                  string
	prune, takeOver, deleteData bool
}

func (o *applyOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.deployment, "deployment", "", "name of the deployment (default: its only product)")
	c.Flags().BoolVar(&o.prune, "prune", false, "delete what this deployment applied before and no longer lists")
	c.Flags().BoolVar(&o.takeOver, "take-over", false, "take resources over from other deployments")
	c.Flags().BoolVar(&o.deleteData, "delete-data", false, "also delete resources that hold data")
}

func (o *applyOptions) query() url.Values {
	query := url.Values{}
	if o.deployment != "" {
		query.Set("deployment", o.deployment)
	}
	for name, set := range map[string]bool{"prune": o.prune, "take-over": o.takeOver, "delete-data": o.deleteData} {
		if set {
			query.Set(name, "true")
		}
	}
	return query
}

// makePlan asks what a deployment would do; tag "" asks, another carries out
// exactly the plan of that tag.
func makePlan(ctx context.Context, cluster *client.Client, resources []*lang.Resource, o applyOptions, tag string) (*plan, error) {
	query := o.query()
	if tag == "" {
		query.Set("dry-run", "true")
	}
	answer, err := cluster.Do(ctx, client.Request{
		Method: http.MethodPost, Path: "/apply", Query: query, Accept: "application/json",
		ContentType: "application/json", Body: body(resources), IfMatch: tag,
	})
	if err != nil {
		return nil, placed(err, resources)
	}
	p := &plan{tag: answer.Header.Get("ETag"), text: answer.Body}
	if err := json.Unmarshal(answer.Body, p); err != nil {
		return nil, fmt.Errorf("the answer is no plan: %w", err)
	}
	if p.Position == 0 {
		p.Position = answer.Position
	}
	return p, nil
}

func (a *App) resourcePlan() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:   "plan PATH...",
		Short: "Show what apply would do; exit with 10 if there is something to do",
		Args:  between(1, -1),
		RunE: func(c *cobra.Command, paths []string) error {
			p, cluster, err := a.planOf(c.Context(), paths, o)
			if err != nil {
				return err
			}
			if a.output == "json" {
				err = a.printJSON(p.text)
			} else {
				a.printPlan(p, cluster.Root())
			}
			if err == nil && p.Summary.changes() {
				return exit(ExitChanges)
			}
			return err
		},
	}
	o.flags(c)
	a.outputFlag(c, "text", "json")
	return c
}

func (a *App) planOf(ctx context.Context, paths []string, o applyOptions) (*plan, *client.Client, error) {
	cluster, err := a.client()
	if err != nil {
		return nil, nil, err
	}
	deployment, err := a.load(cluster.Root(), paths)
	if err != nil {
		return nil, nil, err
	}
	p, err := makePlan(ctx, cluster, deployment.Resources, o, "")
	return p, cluster, err
}

func (a *App) resourceDiff() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:   "diff PATH...",
		Short: "Show field by field how files differ from the cluster",
		Args:  between(1, -1),
		RunE: func(c *cobra.Command, paths []string) error {
			p, cluster, err := a.planOf(c.Context(), paths, o)
			if err != nil {
				return err
			}
			a.printDiff(p, cluster.Root())
			return nil
		},
	}
	o.flags(c)
	return c
}

// printPlan shows what a plan does, resource by resource.
func (a *App) printPlan(p *plan, root string) {
	for _, change := range p.Changes {
		mark, c := "", colour("")
		switch change.Action {
		case "create":
			mark, c = "+", green
		case "change":
			mark, c = "~", yellow
		case "delete":
			mark, c = "-", red
		default:
			continue
		}
		fmt.Fprintln(a.Stdout, a.paint(c, fmt.Sprintf("%s %-18s %s", mark, change.Kind, short(change.IRI, root))))
		if change.Action == "change" {
			for _, f := range change.Fields {
				before, after := f.texts(change, root)
				fmt.Fprintf(a.Stdout, "    %s: %s → %s\n", f.Pointer, before, after)
			}
		}
	}
	fmt.Fprintf(a.Stdout, "plan: %d to create, %d to change, %d to delete, %d unchanged\n",
		p.Summary.Create, p.Summary.Change, p.Summary.Delete, p.Summary.None)
}

// printDiff shows only fields, before and after on lines of their own.
func (a *App) printDiff(p *plan, root string) {
	side := func(c colour, mark, pointer, text string) {
		if text != absent {
			fmt.Fprintln(a.Stdout, a.paint(c, fmt.Sprintf("%s %s: %s", mark, pointer, text)))
		}
	}
	for _, change := range p.Changes {
		if change.Action == "none" {
			continue
		}
		fmt.Fprintln(a.Stdout, a.paint(bold, fmt.Sprintf("%s %s %s", change.Action, change.Kind, short(change.IRI, root))))
		for _, f := range change.Fields {
			before, after := f.texts(change, root)
			side(red, "-", f.Pointer, before)
			side(green, "+", f.Pointer, after)
		}
	}
}

// fieldWidth is how much of a value a plan shows, in characters.
const fieldWidth = 72

// absent is how the value of a field that has none is shown.
const absent = "(none)"

// texts are both sides of a change as people write them. Sealed values never
// leave the cluster: that they differ is all there is to say.
func (f fieldChange) texts(of change, root string) (before, after string) {
	before, after = fieldText(of.Kind, f.Pointer, f.Before, root), fieldText(of.Kind, f.Pointer, f.After, root)
	if before != absent || after != absent || of.Action != "change" {
		return before, after
	}
	return "(sealed)", "(another value)"
}

// fieldText is a value of a field as people write it.
func fieldText(kind, pointer string, value json.RawMessage, root string) string {
	v, failed := base.ReadJSON(value, base.Limits{})
	if len(value) == 0 || failed != nil || v.Kind == base.NullValue {
		return absent
	}
	text := ""
	switch v.Kind {
	case base.NumberValue:
		text = v.Text
		if f := fieldAt(schema.Model.Kind(kind), pointer); f != nil && f.Syntax != base.PlainSyntax {
			if n, err := strconv.ParseInt(v.Text, 10, 64); err == nil {
				text = base.Quantity(n, f.Syntax)
			}
		}
	case base.StringValue:
		text = "'" + strings.ReplaceAll(short(v.Text, root), "\n", `\n`) + "'"
	default:
		var b bytes.Buffer
		_ = json.Compact(&b, value) // it was read above
		text = strings.ReplaceAll(b.String(), `"`+root+"/", `"/`)
	}
	if utf8.RuneCountInString(text) > fieldWidth {
		text = string([]rune(text)[:fieldWidth-1]) + "…"
	}
	return text
}

// fieldAt finds the field that a pointer into a resource names, or nil.
func fieldAt(class *base.Class, pointer string) (f *base.Field) {
	steps := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i := 0; i < len(steps); i++ {
		if class == nil {
			return f
		}
		if f = class.Field(steps[i]); f == nil {
			return nil
		}
		class = schema.Model.Class(f.Object)
		if f.Form == base.Map && i+1 < len(steps) { // the next step is a key
			if i++; f.Value != "" {
				f, class = class.Field(f.Value), nil
			}
		}
	}
	return f
}
