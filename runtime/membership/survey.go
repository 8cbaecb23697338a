package membership

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/consensus"
	"github.com/picloud/picloud/runtime/eventlog"
	"github.com/picloud/picloud/runtime/projection"
)

// Surveyor looks at all nodes, from any of them, with a leader or without.
type Surveyor struct {
	Self      string // ID of this node
	Consensus *consensus.Node
	Views     *projection.Projection
	Log       *eventlog.Log
	Status    func() Status
	Peers     *http.Client // of members: the host is an ID
}

// Overview is the cluster as one node finds it now.
type Overview struct {
	ClusterID string        `json:"clusterId"`
	Domain    string        `json:"domain"`
	Authority string        `json:"authority,omitempty"` // SHA-256 of the certificate of its authority, in hexadecimal
	Asked     string        `json:"asked,omitempty"`     // the node that looked, by name
	Leader    string        `json:"leader,omitempty"`    // absent: none is known
	Term      uint64        `json:"term"`                // of its reign
	Version   string        `json:"version,omitempty"`   // release that every node can run
	Level     int           `json:"level"`               // of the platform that every node has
	Position  base.Position `json:"position"`            // the highest that a node has
	Bearing
	Writes bool       `json:"writes"` // whether anything can be decided
	Nodes  []NodeView `json:"nodes"`
}

// Bearing is what a cluster bears.
type Bearing struct {
	Voters  int `json:"voters"`
	InReach int `json:"inReach"` // of the voters
	Quorum  int `json:"quorum"`
	MayLose int `json:"mayLose"` // how many more voters may be lost
}

// bearing follows from how many voters there are and how many of them answer.
func bearing(voters, inReach int) Bearing {
	quorum := Quorum(voters)
	return Bearing{voters, inReach, quorum, max(0, inReach-quorum)}
}

// NodeView is one node as it was found.
type NodeView struct {
	Name      string           `json:"name"`
	ID        string           `json:"id,omitempty"`
	Phase     domain.Phase     `json:"phase"`
	Role      domain.RaftRole  `json:"role,omitempty"` // in Raft's configuration
	Leader    bool             `json:"leader,omitempty"`
	Condition domain.Condition `json:"condition,omitempty"` // by the graph
	Reason    string           `json:"reason,omitempty"`
	Answers   bool             `json:"answers"`
	Fault     string           `json:"fault,omitempty"` // why it does not answer
	Since     string           `json:"since,omitempty"` // when the cluster took note that it does not
	Version   string           `json:"version,omitempty"`
	Level     int              `json:"level,omitempty"` // of the platform that its release knows
	Model     string           `json:"model,omitempty"`
	Addresses []string         `json:"addresses,omitempty"`
	Port      int64            `json:"port,omitempty"`
	Position  base.Position    `json:"position,omitempty"`
	Behind    base.Position    `json:"behind"` // positions, of those that answer
	// Outdated is how many generations of positions have begun that it knows nothing
	// of: the cluster was recovered or restored without it. Behind then counts the
	// newest alone.
	Outdated uint64 `json:"outdated,omitempty"`
	Full     bool   `json:"full,omitempty"`
	DiskSize int64  `json:"diskSize,omitempty"` // bytes, now; of one that does not answer the last that are known
	DiskUsed int64  `json:"diskUsed,omitempty"`
	// ClockAhead is by how many milliseconds its clock is ahead of the leader's, or
	// of that of the node that was asked while nobody leads.
	ClockAhead *int64                `json:"clockAhead,omitempty"`
	Enrolled   string                `json:"enrolled"` // when
	By         domain.EnrollmentMode `json:"enrolledBy,omitempty"`
	Trusted    bool                  `json:"trusted,omitempty"` // somebody vouched for one that let itself in
	Cordoned   bool                  `json:"cordoned,omitempty"`
	// Without is what the cluster bears when this node was removed and others have
	// got the votes that they should.
	Without Bearing `json:"without"`
}

// asked is what a node answered.
type asked struct {
	node   *domain.Node
	status Status
	err    error
	ahead  *int64 // milliseconds by which its clock is ahead of this machine's
}

// silentSince is when the cluster took note that a node that did not answer now is
// away, "" if it has not yet.
func (a asked) silentSince() string {
	if a.err == nil || a.node.Status.Condition != domain.ConditionUnreachable {
		return ""
	}
	return a.node.UpdatedAt.String() // nothing is observed of a node that is away
}

// plain is an error about the node in one line, whose key nobody has to read.
func (a asked) plain(err error) string {
	return strings.NewReplacer("node "+a.node.Status.ID+": ", "", "\n", "; ").Replace(err.Error())
}

// ask asks all nodes of the graph at once, a few at a time.
func (s *Surveyor) ask(ctx context.Context) []asked {
	var all []asked
	for entry := range s.Views.State().List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok {
			all = append(all, asked{node: node})
		}
	}
	ask := Asking(s.Peers)
	var tasks sync.WaitGroup
	free := make(chan struct{}, askAtOnce)
	for i := range all {
		a := &all[i]
		if a.node.Status.ID == s.Self {
			a.status, a.ahead = s.Status(), new(int64)
			continue
		}
		free <- struct{}{}
		tasks.Go(func() {
			defer func() { <-free }()
			ctx, cancel := context.WithTimeout(ctx, askTime)
			defer cancel()
			sent := time.Now()
			a.status, a.err = ask(ctx, a.node.Status.ID)
			if a.err == nil && a.status.Clock != 0 { // taken in the middle between question and answer
				a.ahead = new(a.status.Clock - sent.Add(time.Since(sent)/2).UnixMilli())
			}
		})
	}
	tasks.Wait()
	return all
}

// Survey asks every node how it is.
func (s *Surveyor) Survey(ctx context.Context) (Overview, error) {
	servers, _, err := s.Consensus.Servers()
	if err != nil {
		return Overview{}, err
	}
	raft := s.Consensus.Stats()
	leader, heard := s.Consensus.LeaderContact()
	if time.Since(heard) > contactTime {
		leader = ""
	}
	o := Overview{Term: raft.Term, Nodes: []NodeView{}}
	if cluster, ok := s.Views.State().Get("/").(*domain.Cluster); ok {
		o.ClusterID, o.Domain, o.Version, o.Authority = cluster.Spec.ClusterID, cluster.Spec.Domain, cluster.Status.Version, cluster.Status.CAFingerprint
	}
	o.Level = LevelOf(s.Views.State())
	all := s.ask(ctx)
	for _, a := range all {
		v := view(a)
		v.Leader = leader != "" && v.ID == consensus.NodeOf(leader)
		for _, server := range servers {
			if consensus.NodeOf(server.ID) == v.ID {
				v.Role = domain.RaftRoleLearner
				if server.Voter {
					v.Role = domain.RaftRoleVoter
				}
			}
		}
		if v.Leader {
			o.Leader = v.Name
		}
		if v.ID == s.Self {
			o.Asked = v.Name
		}
		o.Position = max(o.Position, v.Position)
		o.Nodes = append(o.Nodes, v)
	}
	var clock int64 // of the leader
	for i, n := range o.Nodes {
		if n.Answers {
			o.Nodes[i].Behind, o.Nodes[i].Outdated = behind(o.Position, n.Position)
		}
		if n.Leader && n.ClockAhead != nil {
			clock = *n.ClockAhead
		}
		o.Nodes[i].Without = without(all, o.Nodes, i)
	}
	for i, n := range o.Nodes {
		if n.ClockAhead != nil {
			o.Nodes[i].ClockAhead = new(*n.ClockAhead - clock)
		}
	}
	o.Bearing = bearingOf(servers, all)
	o.Writes = o.Leader != "" && o.InReach >= o.Quorum
	return o, nil
}

// behind is how far a node is from a head: generations, and positions in that of the
// head; positions that no event has, between two generations, count for nothing.
func behind(head, at base.Position) (positions base.Position, generations uint64) {
	now := eventlog.Generation(uint64(head))
	if generations = now - eventlog.Generation(uint64(at)); generations > 0 {
		at = base.Position(now << eventlog.GenerationBits)
	}
	return head - at, generations
}

// bearingOf counts the voters of Raft's configuration, of which some may be of no
// node any more.
func bearingOf(servers []consensus.Server, all []asked) Bearing {
	voters, inReach := 0, 0
	for _, server := range servers {
		if !server.Voter {
			continue
		}
		voters++
		if slices.ContainsFunc(all, func(a asked) bool { return a.err == nil && a.node.Status.ID == consensus.NodeOf(server.ID) }) {
			inReach++
		}
	}
	return bearing(voters, inReach)
}

// without is what the nodes bear without one of them: voters keep their votes, and
// learners that answer get those that are missing.
func without(all []asked, nodes []NodeView, gone int) Bearing {
	candidates, voters, heard, learners := 0, 0, 0, 0
	for i, a := range all {
		switch {
		case i == gone || a.node.Phase == domain.PhaseDeleting || !mayVote(a.node):
			continue
		case nodes[i].Role == domain.RaftRoleVoter:
			voters++
			if a.err == nil {
				heard++
			}
		case a.err == nil && nodes[i].Role == domain.RaftRoleLearner:
			learners++
		}
		candidates++
	}
	promoted := max(0, min(learners, Votes(candidates)-voters))
	return bearing(voters+promoted, heard+promoted)
}

func view(a asked) NodeView {
	s := a.node.Status
	v := NodeView{
		Name: a.node.Ref.Name(), ID: s.ID, Phase: a.node.Phase, Condition: s.Condition, Reason: a.node.Reason, Version: s.Version, Addresses: s.Addresses,
		Port: base.OrZero(s.Port), Enrolled: a.node.CreatedAt.String(), By: s.EnrolledBy, Trusted: base.OrZero(s.Trusted), Cordoned: base.OrZero(s.Cordoned), Level: knows(base.OrZero(s.Level)),
	}
	if s.Capacity != nil && s.Metrics != nil {
		v.DiskSize, v.DiskUsed = base.OrZero(s.Capacity.Disk), base.OrZero(s.Metrics.DiskUsed)
	}
	if a.err != nil {
		v.Fault, v.Since = a.plain(a.err), a.silentSince()
		return v
	}
	v.Answers, v.Position, v.Model, v.Full, v.ClockAhead = true, a.status.Position, a.status.Model, a.status.Full, a.ahead
	if a.status.DiskSize > 0 {
		v.DiskSize, v.DiskUsed = a.status.DiskSize, a.status.DiskUsed
	}
	if a.status.Version != "" {
		v.Version, v.Level = a.status.Version, knows(a.status.Level)
	}
	return v
}

// HandOver lets this node hand the leadership to a node, or with "" to the one
// that has most of the log. It answers once the log says who leads now, since that
// is what KeepQuorum decides on; or after actTime, when nobody has said so yet.
func (s *Surveyor) HandOver(ctx context.Context, to base.Ref) error {
	reign, _ := s.Consensus.Leadership()
	if !reign.Leading {
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "this node does not lead, so it cannot hand over"}
	}
	servers, _, err := s.Consensus.Servers()
	if err != nil {
		return err
	}
	others := map[string]string{} // Raft ids of the other voters, by the IDs of their nodes
	for _, server := range servers {
		if id := consensus.NodeOf(server.ID); server.Voter && id != s.Self {
			others[id] = server.ID
		}
	}
	if to != "" && s.leads(to) {
		return nil
	}
	target, err := s.heir(to, others)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, actTime)
	defer cancel()
	switch err := s.Consensus.TransferLeadership(ctx, target); {
	case errors.Is(err, consensus.ErrSilent):
		return silent(to)
	case err != nil:
		return &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the leadership was not handed over: " + err.Error()}
	}
	s.awaitReign(ctx, reign.Term)
	return nil
}

// leads tells of a node whether it is this one, which leads already.
func (s *Surveyor) leads(to base.Ref) bool {
	node, _ := s.Views.State().Get(to).(*domain.Node)
	return node != nil && node.Status.ID == s.Self
}

// heir is the Raft id of the node that is to lead, "" for any of the other voters.
func (s *Surveyor) heir(to base.Ref, others map[string]string) (string, error) {
	var names []string
	for entry := range s.Views.State().List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok && others[node.Status.ID] != "" {
			names = append(names, node.Ref.Name())
		}
	}
	could := "no other node has a vote, so none could lead"
	if len(names) > 0 {
		could = "who could: " + strings.Join(names, ", ")
	}
	node, _ := s.Views.State().Get(to).(*domain.Node)
	switch {
	case to == "" && len(others) == 0:
		return "", &base.Error{Code: base.Conflict, Detail: could}
	case to == "":
		return "", nil
	case node == nil:
		return "", &base.Error{Code: base.NotFound, Ref: to, Detail: fmt.Sprintf("there is no node %s to lead; %s", to.Name(), could)}
	case others[node.Status.ID] == "":
		return "", &base.Error{Code: base.Conflict, Ref: to, Detail: fmt.Sprintf("%s has no vote, so it cannot lead; %s", to.Name(), could)}
	}
	return others[node.Status.ID], nil
}

// silent refuses to hand the leadership to who cannot take it; asked again at once
// the answer would be the same.
func silent(to base.Ref) error {
	if to == "" {
		return &base.Error{Code: base.Conflict, Detail: "no other node that votes answers now and has all of the log, so none could lead; picloud cluster status says how they are; bring one back, or wait until it has caught up"}
	}
	return &base.Error{
		Code: base.Conflict, Ref: to,
		Detail: fmt.Sprintf("%s does not answer now, or lags behind the log, so it could not lead; picloud cluster status says how it is; bring it back or wait until it has caught up, or let any other lead (picloud cluster transfer-leader)", to),
	}
}

// awaitReign waits until the log says who leads in a later term.
func (s *Surveyor) awaitReign(ctx context.Context, term uint64) {
	for {
		now, superseded := s.Views.Changed()
		if cluster, ok := now.Get("/").(*domain.Cluster); !ok || base.OrZero(cluster.Status.Term) > int64(term) {
			return
		}
		select {
		case <-superseded:
		case <-ctx.Done():
			return
		}
	}
}
