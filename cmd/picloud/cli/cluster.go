package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (a *App) cluster() *cobra.Command {
	return group(&cobra.Command{Use: "cluster", Short: "Look after the cluster as a whole"},
		a.clusterStatus(), a.clusterVerify(), a.clusterTransfer())
}

func (a *App) clusterStatus() *cobra.Command {
	c := &cobra.Command{
		Use: "status", Short: "Show who leads, who votes, and what the cluster bears", Args: noArguments,
		Long: `Show who leads, who votes, how many nodes may be lost, and each node as it
answers now. Any node can tell, also while nobody leads. The exit code is 4 while
nothing can be written.`,
		RunE: func(c *cobra.Command, _ []string) error { return a.status(c.Context()) },
	}
	a.outputFlag(c, "text", "json", "yaml")
	return c
}

func (a *App) status(ctx context.Context) error {
	cluster, err := a.client()
	if err != nil {
		return err
	}
	defer cluster.Close()
	o, raw, err := survey(ctx, cluster)
	if err != nil {
		return err
	}
	switch a.output {
	case "json":
		err = a.printJSON(raw)
	case "yaml":
		err = a.printYAML(raw)
	default:
		a.describe(o)
	}
	if err == nil && !o.Writes {
		return exit(ExitUnavailable)
	}
	return err
}

// describe says in words how the cluster is.
func (a *App) describe(o overview) {
	leader := a.paint(red, "nobody")
	if o.Leader != "" {
		leader = fmt.Sprintf("%s, in term %d", o.Leader, o.Term)
	}
	for _, line := range [][2]string{
		{"cluster", o.Domain + " (" + o.ClusterID + ")"},
		{"authority", Fingerprint(o.Authority)},
		{"leader", leader},
		{"voters", o.voters()},
		{"learners", strings.Join(o.learners(), ", ")},
		{"bears", a.bears(o.bearing, o.Writes)},
		{"position", fmt.Sprint(o.Position)},
		{"version", versions(o)},
		{"level", level(o)},
	} {
		if line[1] != "" {
			fmt.Fprintf(a.Stdout, "%-9s %s\n", line[0], line[1])
		}
	}
	fmt.Fprintln(a.Stdout)
	a.nodeTable(o)
	for _, n := range o.Nodes {
		switch {
		case !n.Answers && n.Fault != "":
			fmt.Fprintf(a.Stdout, "%s: %s\n", n.Name, n.Fault)
		case n.Reason != "":
			fmt.Fprintf(a.Stdout, "%s: %s\n", n.Name, n.Reason)
		}
		if n.Outdated > 0 {
			fmt.Fprintf(a.Stdout, "%s: the cluster was recovered or restored without it; started again it puts its own history aside and fetches that of the others\n", n.Name)
		}
		if n.wrongTime() > 0 {
			fmt.Fprintf(a.Stdout, "%s: its clock is not that of the leader; let both keep time by NTP (timedatectl set-ntp true)\n", n.Name)
		}
		if n.EnrolledBy == "auto" && !n.Trusted && n.Role == "learner" {
			fmt.Fprintf(a.Stdout, "%s let itself in, so it has no vote; to give it one: picloud node trust %s\n", n.Name, n.Name)
		}
	}
}

// learners keep the log and have no vote.
func (o overview) learners() (names []string) {
	for _, n := range o.Nodes {
		if n.Role == "learner" {
			names = append(names, n.Name)
		}
	}
	return names
}

// voters counts them.
func (b bearing) voters() string {
	if b.Quorum == 1 {
		return fmt.Sprintf("%d of %d answer; one is a majority", b.InReach, b.Voters)
	}
	return fmt.Sprintf("%d of %d answer; %d are a majority", b.InReach, b.Voters, b.Quorum)
}

// bears says how many nodes may be lost.
func (a *App) bears(b bearing, writes bool) string {
	switch {
	case !writes && b.InReach < b.Quorum:
		return a.paint(red, fmt.Sprintf("nothing can be written: bring %d more of the voters back", b.Quorum-b.InReach)) +
			"; reads go on. If they are lost for good, stop the node that is to go on and run there: picloud cluster recover"
	case !writes:
		return a.paint(yellow, "nothing can be written until a leader is elected")
	case b.MayLose == 0 && b.Voters == 1:
		return "no loss: with this node writes end, and what it holds is on no other; add two nodes"
	case b.MayLose == 0 && b.Voters == 2 && b.InReach == 2:
		return "no loss: everything is on two disks, but writes stop when either node is gone; add a third"
	case b.MayLose == 0:
		return a.paint(yellow, "no further loss: the next one stops writes")
	case b.MayLose == 1:
		return "one node may be lost"
	}
	return fmt.Sprintf("%d nodes may be lost", b.MayLose)
}

// versions are those that run: one, or each with its nodes.
func versions(o overview) string {
	nodes := map[string][]string{}
	var all []string
	for _, n := range o.Nodes {
		if n.Version == "" {
			continue
		}
		if nodes[n.Version] == nil {
			all = append(all, n.Version)
		}
		nodes[n.Version] = append(nodes[n.Version], n.Name)
	}
	if len(all) == 1 {
		return all[0]
	}
	slices.Sort(all)
	for i, version := range all {
		all[i] = version + " on " + strings.Join(nodes[version], ", ")
	}
	return strings.Join(all, "; ")
}

// level is that of the cluster, and which nodes keep it from rising.
func level(o overview) string {
	highest := o.Level
	for _, n := range o.Nodes {
		highest = max(highest, n.Level)
	}
	var lagging []string
	for _, n := range o.Nodes {
		if n.Level < highest {
			lagging = append(lagging, n.Name)
		}
	}
	text := fmt.Sprint(o.Level)
	switch {
	case highest == o.Level:
	case len(lagging) > 0:
		are := "are"
		if len(lagging) == 1 {
			are = "is"
		}
		text += fmt.Sprintf("; level %d when %s %s upgraded too", highest, strings.Join(lagging, ", "), are)
	default:
		text += fmt.Sprintf("; level %d as soon as every node is heard", highest)
	}
	return text
}

func (a *App) clusterTransfer() *cobra.Command {
	return &cobra.Command{
		Use: "transfer-leader [NODE]", Short: "Let another node lead", Args: between(0, 1), ValidArgsFunction: a.completeMembers("/nodes", listOptions{}),
		RunE: func(c *cobra.Command, arguments []string) error {
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			to := ""
			if len(arguments) == 1 {
				to = arguments[0]
			}
			now, err := a.transfer(c.Context(), cluster, to)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.Stdout, "%s leads, in term %d\n", now.Leader, now.Term)
			return err
		},
	}
}
