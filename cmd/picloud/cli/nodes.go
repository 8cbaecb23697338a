package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

// overview is the cluster as a node finds it: GET /-/cluster.
type overview struct {
	ClusterID string `json:"clusterId"`
	Domain    string `json:"domain"`
	Authority string `json:"authority"`
	Asked     string `json:"asked"`
	Leader    string `json:"leader"`
	Term      uint64 `json:"term"`
	Version   string `json:"version"`
	Level     int    `json:"level"`
	Position  uint64 `json:"position"`
	bearing
	Writes bool       `json:"writes"`
	Nodes  []nodeView `json:"nodes"`
}

// bearing is what a cluster bears.
type bearing struct {
	Voters  int `json:"voters"`
	InReach int `json:"inReach"`
	Quorum  int `json:"quorum"`
	MayLose int `json:"mayLose"`
}

type nodeView struct {
	Name       string   `json:"name"`
	Phase      string   `json:"phase"`
	Role       string   `json:"role"`
	Leader     bool     `json:"leader"`
	Condition  string   `json:"condition"`
	Reason     string   `json:"reason"`
	Answers    bool     `json:"answers"`
	Fault      string   `json:"fault"`
	Since      string   `json:"since"`
	Version    string   `json:"version"`
	Level      int      `json:"level"`
	Addresses  []string `json:"addresses"`
	Port       int64    `json:"port"`
	Behind     uint64   `json:"behind"`
	Outdated   uint64   `json:"outdated"`
	Full       bool     `json:"full"`
	DiskSize   int64    `json:"diskSize"`
	DiskUsed   int64    `json:"diskUsed"`
	ClockAhead *int64   `json:"clockAhead"`
	Enrolled   string   `json:"enrolled"`
	EnrolledBy string   `json:"enrolledBy"`
	Trusted    bool     `json:"trusted"`
	Cordoned   bool     `json:"cordoned"`
	Without    *bearing `json:"without"` // once it was removed; nil: an older node was asked
}

// survey asks a node how all nodes are.
func survey(ctx context.Context, cluster *client.Client) (o overview, raw []byte, err error) {
	answer, err := cluster.Do(ctx, client.Request{Method: http.MethodGet, Path: "/-/cluster", Accept: "application/json"})
	if err != nil {
		return overview{}, nil, err
	}
	return o, answer.Body, json.Unmarshal(answer.Body, &o)
}

func (a *App) nodeList() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the nodes, asked how they are now", Args: noArguments,
		Long: `List the nodes, asked how they are now. The one that leads has a star. Who may
not look at machines gets what the graph says of them. Below it are the machines
that ask to be let in.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.listNodes(c.Context()) },
	}
	a.outputFlag(c, "table", "json", "yaml")
	return c
}

func (a *App) listNodes(ctx context.Context) error {
	if a.output != "table" {
		return a.list(ctx, "node", listOptions{})
	}
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	o, _, err := survey(ctx, cluster)
	var refused *base.Error
	if errors.As(err, &refused) && refused.Code == base.Forbidden {
		return a.list(ctx, "node", listOptions{})
	}
	if err != nil {
		return err
	}
	a.nodeTable(o)
	asking, err := pages(ctx, cluster, "/enrollments", listOptions{phase: "pending"})
	a.askers(asking)
	return err
}

func (a *App) nodeTable(o overview) {
	rows := make([][]string, len(o.Nodes))
	for i, n := range o.Nodes {
		role := n.Role
		if role == "" {
			role = n.Phase
		}
		if n.Leader {
			role += "*"
		}
		rows[i] = []string{n.Name, role, a.health(n), n.Version, addresses(n), behind(n), disk(n), clock(n), ageOf(n.Enrolled)}
	}
	a.table([]string{"NAME", "ROLE", "CONDITION", "VERSION", "ADDRESSES", "BEHIND", "DISK", "CLOCK", "AGE"}, rows)
}

// addresses are those where a node is asked for anything.
func addresses(n nodeView) string {
	all := slices.Clone(n.Addresses)
	for i, address := range all {
		if n.Port > 0 {
			all[i] = net.JoinHostPort(address, strconv.FormatInt(n.Port, 10))
		}
	}
	return strings.Join(all, " ")
}

// behind is how much of the log a node has not taken in.
func behind(n nodeView) string {
	switch {
	case !n.Answers:
		return "?"
	case n.Outdated == 1:
		return "a generation"
	case n.Outdated > 1:
		return fmt.Sprintf("%d generations", n.Outdated)
	}
	return strconv.FormatUint(n.Behind, 10)
}

// disk is how much of a node's disk is in use now.
func disk(n nodeView) string {
	if n.DiskSize <= 0 || !n.Answers {
		return "?"
	}
	return fmt.Sprintf("%d%%", 100*n.DiskUsed/n.DiskSize)
}

// clock is by how much a node's clock differs from the leader's.
func clock(n nodeView) string {
	switch {
	case n.ClockAhead == nil:
		return "?"
	case n.wrongTime() == 0:
		return "ok"
	}
	sign := "+"
	if *n.ClockAhead < 0 {
		sign = "-"
	}
	return sign + n.wrongTime().String()
}

// wrongTime is by how much a clock is wrong; less than a second may as well be the
// time that asking took.
func (n nodeView) wrongTime() time.Duration {
	if n.ClockAhead == nil {
		return 0
	}
	return (time.Duration(*n.ClockAhead) * time.Millisecond).Abs().Truncate(time.Second)
}

// health is how well a node is: what it answers now, or what the graph says.
func (a *App) health(n nodeView) string {
	words := []string{n.Condition}
	switch {
	case n.Phase == "deleting":
		words = []string{a.paint(yellow, "leaving")}
	case !n.Answers:
		words = []string{a.paint(red, unreachable(n.Since))}
	case n.Full:
		words = []string{a.paint(red, "disk full")}
	case n.Condition == "":
		words = []string{n.Phase}
	}
	if n.Cordoned {
		words = append(words, "drained")
	}
	return strings.Join(words, ", ")
}

// unreachable says since when a node does not answer, as far as the cluster knows.
func unreachable(since string) string {
	if since == "" {
		return "does not answer"
	}
	return "unreachable for " + ageOf(since)
}

// ageOf is the time since a moment, in its largest unit.
func ageOf(at string) string {
	t, ok := base.ParseTime(at)
	if !ok {
		return ""
	}
	since := max(0, time.Since(t.Std()))
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}} {
		if since >= unit.of {
			return strconv.Itoa(int(since/unit.of)) + unit.name
		}
	}
	return strconv.Itoa(int(since/time.Second)) + "s"
}

// changeTime is how long a change among the members may take until it is called
// late.
const changeTime = 30 * time.Second

// awaited asks again and again until something holds; false means that it took
// too long.
func awaited(ctx context.Context, holds func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, changeTime)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for !holds(ctx) {
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
	return true
}

// transfer hands the leadership over, to a node or with "" to any other, and
// waits until another node leads.
func (a *App) transfer(ctx context.Context, cluster *client.Client, to string) (overview, error) {
	before, _, err := survey(ctx, cluster)
	if err != nil {
		return before, err
	}
	path := "/-/cluster/transfer"
	if to != "" {
		path += "?to=" + url.QueryEscape(to)
	}
	if _, err := cluster.Do(ctx, client.Request{Method: http.MethodPost, Path: path, Accept: "application/json"}); err != nil {
		return before, err
	}
	now := before
	if !awaited(ctx, func(ctx context.Context) bool {
		if now, _, err = survey(ctx, cluster); err != nil || now.Leader == "" {
			return false
		}
		return now.Leader == to || to == "" && now.Leader != before.Leader
	}) {
		return now, fmt.Errorf("the leadership was handed over, but no other leader was seen within %s", changeTime)
	}
	return now, nil
}

// part has somebody agree that a node is removed, hands the leadership over if it
// has it, and waits until the log says who leads.
func (a *App) part(ctx context.Context, cluster *client.Client, class *base.Class, ref base.Ref, yes bool) error {
	o, _, err := survey(ctx, cluster)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(o.Nodes, func(n nodeView) bool { return n.Name == ref.Name() })
	if i < 0 {
		return known(ctx, cluster, class, &base.Error{Code: base.NotFound, Ref: ref, Detail: "there is no node " + ref.Name()})
	}
	if err := a.Agree(yes, a.without(o.Nodes[i]), "Remove "+string(ref)+"?"); err != nil {
		return err
	}
	if o.Leader == ref.Name() && o.Voters > 1 {
		if o, err = a.transfer(ctx, cluster, ""); err != nil {
			return err
		}
		fmt.Fprintf(a.Stderr, "%s led the cluster; now %s does\n", ref.Name(), o.Leader)
	}
	if o.Leader != "" {
		awaited(ctx, func(ctx context.Context) bool { return logged(ctx, cluster, o.Term) })
	}
	return nil
}

// logged reports whether the log says already who leads in a term: the cluster
// decides on that who may be removed, and a new leader says it a moment after it
// leads. What keeps this from being read keeps the removal from being done too, and
// is said there.
func logged(ctx context.Context, cluster *client.Client, term uint64) bool {
	root, _, err := read(ctx, cluster, "/", 0)
	if err != nil {
		return true
	}
	known, err := strconv.ParseUint(text(root, "/status/term"), 10, 64)
	return err == nil && known >= term
}

// without says what a cluster is without a node.
func (a *App) without(n nodeView) string {
	follows := n.Name + " has no vote: what the cluster bears stays as it is."
	if rest := n.Without; n.Role == "voter" && rest != nil {
		follows = fmt.Sprintf("%s votes. Without it:\n  voters  %s\n  bears   %s", n.Name, rest.voters(), a.bears(*rest, rest.InReach >= rest.Quorum))
	}
	return follows + "\nIts key opens nothing from then on; it comes back only as a new node, with an empty directory."
}

// left waits until a removed node has given up its part.
func (a *App) left(ctx context.Context, cluster *client.Client, ref base.Ref) {
	gone := awaited(ctx, func(ctx context.Context) bool {
		_, _, err := read(ctx, cluster, string(ref), 0)
		var failed *base.Error
		return errors.As(err, &failed) && failed.Code == base.NotFound
	})
	if gone {
		fmt.Fprintf(a.Stderr, "%s is no member any more; its key opens nothing\n", ref.Name())
		return
	}
	fmt.Fprintf(a.Stderr, "%s is leaving, but has not left yet: the rest has to agree; see picloud cluster status\n", ref.Name())
}
