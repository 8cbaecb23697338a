package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// three is a cluster of three nodes, of which change makes another.
func three(change func(*overview)) overview {
	hour := base.TimeOf(time.Now().Add(-time.Hour)).String()
	o := overview{
		ClusterID: "6f1c", Domain: "example.com", Asked: "pi-1", Leader: "pi-1", Term: 7, Position: 184, bearing: bearing{Voters: 3, InReach: 3, Quorum: 2, MayLose: 1}, Writes: true,
		Nodes: []nodeView{
			{Name: "pi-1", Phase: "ready", Role: "voter", Leader: true, Condition: "healthy", Answers: true, Version: "1.0.0", Addresses: []string{"192.168.1.21", "fd00::21"}, Port: 443, Enrolled: hour},
			{Name: "pi-2", Phase: "ready", Role: "voter", Condition: "healthy", Answers: true, Version: "1.0.0", Behind: 12, Enrolled: hour},
			{Name: "pi-3", Phase: "ready", Role: "voter", Condition: "healthy", Answers: true, Version: "1.0.0", Cordoned: true, Enrolled: hour},
		},
	}
	if change != nil {
		change(&o)
	}
	return o
}

func serve(t *testing.T, w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		t.Error(err)
	}
}

func TestNodesAreListedAsTheyAnswer(t *testing.T) {
	_, out, said := against(t, func(w http.ResponseWriter, _ *http.Request) {
		serve(t, w, three(func(o *overview) {
			o.Nodes[1].Answers, o.Nodes[1].Since = false, base.TimeOf(time.Now().Add(-3*time.Minute)).String()
			o.Nodes[0].DiskSize, o.Nodes[0].DiskUsed, o.Nodes[0].ClockAhead = 1000, 120, new(int64(0))
			o.Nodes[1].DiskSize, o.Nodes[1].DiskUsed = 1000, 120
			o.Nodes[2].ClockAhead, o.Nodes[2].Outdated = new(int64(-90_500)), 1
		}))
	}, false, "", "node", "list")
	for _, want := range []string{"pi-1  voter*  healthy", "pi-2  voter   unreachable for 3m", "pi-3  voter   healthy, drained", "192.168.1.21:443 [fd00::21]:443  0             12%   ok      1h", "?             ?     ?       1h", "a generation  ?     -1m30s  1h"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s%s", want, out, said)
		}
	}
}

func TestWhoMayNotLookAtMachinesGetsTheGraph(t *testing.T) {
	code, out, said := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/-/cluster" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"type":"https://picloud.local/ontology#ErrorForbidden","status":403,"code":"forbidden","detail":"no"}`))
			return
		}
		_, _ = w.Write([]byte(`{"items":[{"name":"pi-9","kind":"node"}]}`))
	}, false, "", "node", "list")
	if code != ExitDone || !strings.Contains(out, "pi-9") {
		t.Errorf("exit %d: %s%s", code, out, said)
	}
}

func TestStatusSaysWhatTheClusterBears(t *testing.T) {
	for want, c := range map[string]struct {
		change func(*overview)
		code   int
	}{
		"bears     one node may be lost":                {nil, ExitDone},
		"bears     no loss: with this node writes end":  {func(o *overview) { o.Voters, o.InReach, o.Quorum, o.MayLose = 1, 1, 1, 0 }, ExitDone},
		"bears     no loss: everything is on two disks": {func(o *overview) { o.Voters, o.InReach, o.Quorum, o.MayLose = 2, 2, 2, 0 }, ExitDone},
		"bears     no further loss":                     {func(o *overview) { o.InReach, o.MayLose = 2, 0 }, ExitDone},
		"bears     2 nodes may be lost":                 {func(o *overview) { o.Voters, o.InReach, o.Quorum, o.MayLose = 5, 5, 3, 2 }, ExitDone},
		"bears     nothing can be written: bring 1 more of the voters back": {
			func(o *overview) { o.InReach, o.MayLose, o.Writes, o.Leader = 1, 0, false, "" }, ExitUnavailable,
		},
		"leader    nobody": {func(o *overview) { o.Writes, o.Leader = false, "" }, ExitUnavailable},
		"version   1.0.0 on pi-1, pi-2; 1.1.0 on pi-3":                          {func(o *overview) { o.Nodes[2].Version = "1.1.0" }, ExitDone},
		"level     1; level 2 when pi-3 is upgraded too":                        {func(o *overview) { o.Level = 1; o.Nodes[0].Level, o.Nodes[1].Level, o.Nodes[2].Level = 2, 2, 1 }, ExitDone},
		"level     1; level 2 as soon as every node":                            {func(o *overview) { o.Level = 1; o.Nodes[0].Level, o.Nodes[1].Level, o.Nodes[2].Level = 2, 2, 2 }, ExitDone},
		"authority SHA-256 9F:86:D0:":                                           {func(o *overview) { o.Authority = "9f86d0" + strings.Repeat("81", 29) }, ExitDone},
		"pi-3: the cluster was recovered or restored without it; started again": {func(o *overview) { o.Nodes[2].Outdated = 2 }, ExitDone},
		"2 generations":                 {func(o *overview) { o.Nodes[2].Outdated = 2 }, ExitDone},
		"learners  pi-3":                {func(o *overview) { o.Nodes[2].Role = "learner" }, ExitDone},
		"pi-2: no route":                {func(o *overview) { o.Nodes[1].Answers, o.Nodes[1].Fault = false, "no route" }, ExitDone},
		"pi-3: its clock is not that":   {func(o *overview) { o.Nodes[2].ClockAhead = new(int64(2000)) }, ExitDone},
		"pi-2: it falls behind the log": {func(o *overview) { o.Nodes[1].Reason = "it falls behind the log" }, ExitDone},
		"picloud node trust pi-3":       {func(o *overview) { o.Nodes[2].Role, o.Nodes[2].EnrolledBy = "learner", "auto" }, ExitDone},
	} {
		code, out, said := against(t, func(w http.ResponseWriter, _ *http.Request) { serve(t, w, three(c.change)) }, false, "", "cluster", "status")
		if code != c.code || !strings.Contains(out, want) {
			t.Errorf("exit %d, and %q is not in\n%s%s", code, want, out, said)
		}
	}
}

func TestLeadershipIsHandedOverAndAwaited(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		path      string
	}{{nil, "/-/cluster/transfer"}, {[]string{"pi-2"}, "/-/cluster/transfer?to=pi-2"}} {
		var asked []string
		led := "pi-1"
		code, out, said := against(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				asked = append(asked, r.URL.RequestURI())
				led = ""
				w.WriteHeader(http.StatusNoContent)
				return
			}
			serve(t, w, three(func(o *overview) { o.Leader = led }))
			if led == "" { // elected by the next look
				led = "pi-2"
			}
		}, false, "", append([]string{"cluster", "transfer-leader"}, c.arguments...)...)
		if code != ExitDone || !slices.Equal(asked, []string{c.path}) || out != "pi-2 leads, in term 7\n" {
			t.Errorf("exit %d after %v: %s%s", code, asked, out, said)
		}
	}
}

func TestALeaderHandsOverBeforeItIsRemoved(t *testing.T) {
	var asked []string
	led, term, gone := "pi-1", 6, false
	code, _, said := against(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost:
			asked = append(asked, r.URL.Path)
			if r.URL.Path == "/-/cluster/transfer" {
				led = "pi-2"
			} else {
				gone = true
			}
			w.WriteHeader(http.StatusNoContent)
		case r.URL.Path == "/-/cluster":
			serve(t, w, three(func(o *overview) { o.Leader = led }))
		case gone:
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == "/":
			asked = append(asked, fmt.Sprint("term ", term))
			serve(t, w, map[string]any{"status": map[string]any{"term": term}})
			term++ // said by the next look
		}
	}, false, "", "node", "remove", "pi-1", "--yes")
	if code != ExitDone || !slices.Equal(asked, []string{"/-/cluster/transfer", "term 6", "term 7", "/nodes/pi-1/remove"}) {
		t.Errorf("exit %d after %v: %s", code, asked, said)
	}
	for _, want := range []string{"pi-1 led the cluster; now pi-2 does", "pi-1 is no member any more"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in %q", want, said)
		}
	}
}

// Trust is not asked for twice: who has it catches up, and gets a vote by itself.
func TestWhoIsTrustedIsNotToBeTrustedAgain(t *testing.T) {
	_, out, said := against(t, func(w http.ResponseWriter, _ *http.Request) {
		serve(t, w, three(func(o *overview) {
			n := &o.Nodes[2]
			n.Role, n.EnrolledBy, n.Trusted = "learner", "auto", true
		}))
	}, false, "", "cluster", "status")
	if !strings.Contains(out, "learners  pi-3") || strings.Contains(out, "node trust") {
		t.Errorf("%s%s", out, said)
	}
}

// Nobody is asked to agree that a node is removed that does not exist.
func TestWhoNamesNoNodeHearsWhichThereAre(t *testing.T) {
	for _, verb := range [][]string{{"node", "remove", "pi-9"}, {"node", "drain", "pi-9"}} {
		code, _, said := against(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/-/cluster":
				serve(t, w, three(nil))
			case "/nodes":
				_, _ = w.Write([]byte(`{"items":[{"name":"pi-1"},{"name":"pi-2"},{"name":"pi-3"}]}`))
			default:
				w.Header().Set("Content-Type", "application/problem+json")
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte(`{"type":"https://picloud.local/ontology#ErrorNotFound","status":404,"code":"not_found","detail":"there is no node /nodes/pi-9"}`))
			}
		}, false, "", verb...)
		if code != ExitNotFound || !strings.Contains(said, "pi-9; there are: pi-1, pi-2, pi-3") {
			t.Errorf("%v: exit %d: %s", verb, code, said)
		}
	}
}
