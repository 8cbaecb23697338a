package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/google/uuid"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/peer"
)

// founding is a cluster that the node forms, until it has.
type founding struct {
	Founding
	Cluster string `json:"cluster"` // id
	Name    string `json:"name"`    // of the node
}

// awaitMembership returns when it is settled to which cluster the node belongs:
// at once if the directory says so, or if a new one is to found one; else when it
// was told, or let in.
func (n *Node) awaitMembership(ctx context.Context) error {
	settled, err := n.recallMembership()
	if err == nil && !settled && n.cfg.Bootstrap {
		err = n.begin(Founding{Domain: n.cfg.Domain})
	} else if err == nil && !settled {
		err = n.beTold(ctx)
	}
	if err != nil {
		return err
	}
	close(n.settled)
	if n.cfg.Domain != "" && n.cfg.Domain != n.domain {
		return fmt.Errorf("%s belongs to the cluster %s, not to %s; give it the domain that it was made with, or another directory", n.cfg.Dir, n.domain, n.cfg.Domain)
	}
	m := n.record.Load()
	if m != nil && n.cfg.Cluster != "" && n.cfg.Cluster != m.Cluster {
		return fmt.Errorf("%s belongs to a node of the cluster %s (%s), not of %s; leave that id out (--cluster), or give the node of another cluster a directory of its own (--dir)", n.cfg.Dir, m.Cluster, m.Domain, n.cfg.Cluster)
	}
	n.await("this node is starting")
	if m != nil && m.Anew {
		return n.beginAnew(*m)
	}
	return nil
}

// recallMembership reads from the directory what the node is; false if it is new.
func (n *Node) recallMembership() (bool, error) {
	var m record
	if found, err := n.recall(membershipName, &m); found || err != nil {
		if err == nil {
			err = n.belong(m)
		}
		return found, err
	}
	var f founding
	if found, err := n.recall(foundingName, &f); found || err != nil {
		n.founding, n.domain = &f, f.Domain
		return found, err
	}
	former, err := n.anyOf("log", "raft")
	if former { // by a release whose nodes were alone
		n.former, n.domain = true, n.cfg.Domain
		if n.domain == "" {
			n.domain = usualDomain
		}
	}
	return former, err
}

// recallMembers lets the port know the other members of a node that was one when
// it ended, before anybody knocks.
func (n *Node) recallMembers() error {
	var m record
	found, err := n.recall(membershipName, &m)
	if found && err == nil {
		n.members.Seed(m.ids())
	}
	return err
}

// ids are those of the other members.
func (m *record) ids() (ids []string) {
	for _, other := range m.Members {
		ids = append(ids, other.ID)
	}
	return ids
}

// belong takes over what the node is a member of.
func (n *Node) belong(m record) error {
	if m.Node != n.identity.ID() {
		return fmt.Errorf("%s is not the key with which this node is a member of the cluster %s; restore it from a backup of this directory", n.path("keys/node.key"), m.Domain)
	}
	n.domain, n.cfg.Name = m.Domain, m.Name
	n.record.Store(&m)
	n.announceAnew()
	for _, other := range m.Members {
		n.book.Learn(other.ID, peer.FromState, other.Addresses)
	}
	n.members.Seed(m.ids())
	return nil
}

// begin notes that the node founds a cluster, so that it goes on with that
// whatever happens meanwhile.
func (n *Node) begin(what Founding) error {
	if err := n.checkFounding(what); err != nil {
		return err
	}
	if what.Domain == "" {
		what.Domain = usualDomain
	}
	n.founding = &founding{Founding: what, Cluster: uuid.NewString(), Name: n.cfg.Name}
	n.domain = what.Domain
	return n.remember(foundingName, n.founding)
}

// checkFounding says what is wrong with what a cluster is to be.
func (n *Node) checkFounding(what Founding) error {
	switch mode := domain.EnrollmentMode(what.Enrollment); mode {
	case "", domain.EnrollmentModeApprove, domain.EnrollmentModeToken, domain.EnrollmentModeAuto:
	default:
		return fmt.Errorf("%q is no way to let nodes in; there are approve, token and auto", mode)
	}
	if n.cfg.Domain != "" && what.Domain != "" && what.Domain != n.cfg.Domain {
		return fmt.Errorf("this node was started for the domain %s, not for %s", n.cfg.Domain, what.Domain)
	}
	if err := checkDomain(what.Domain); err != nil {
		return err
	}
	if (what.Certificate == nil) != (what.Key == nil) {
		return errors.New("an authority that is brought along has a certificate and a key")
	}
	if what.Certificate == nil {
		return nil
	}
	_, err := iam.OpenAuthority(iam.AuthorityConfig{Domain: what.Domain, Now: n.cfg.Now}, what.Certificate, what.Key)
	return err
}

// beTold waits for whoever comes first: the owner of the directory, who has it
// found a cluster, or a cluster that lets it in.
func (n *Node) beTold(ctx context.Context) error {
	n.say(`this node belongs to no cluster yet: run "picloud cluster init" on it to found one, or let one take it in`)
	asking, stop := context.WithCancel(ctx)
	defer stop()
	type outcome struct {
		*enroll.Membership
		err error
	}
	asked := make(chan outcome, 1)
	go func() {
		m, err := n.ask(asking)
		asked <- outcome{m, err}
	}()
	select {
	case what := <-n.told:
		stop()
		if came := <-asked; came.Membership != nil { // it was let in at that moment
			return n.enroll(came.Membership)
		}
		n.founder.Store(true)
		return n.begin(what)
	case came := <-asked:
		if came.err != nil {
			return fmt.Errorf("join a cluster: %w", came.err)
		}
		return n.enroll(came.Membership)
	}
}

// ask asks clusters to let the node in, until one does.
func (n *Node) ask(ctx context.Context) (*enroll.Membership, error) {
	addresses, port := n.addresses()
	if port == nil {
		<-ctx.Done() // nobody is to find it
		return nil, context.Cause(ctx)
	}
	return enroll.Join(ctx, enroll.JoinConfig{
		Identity: n.identity, Name: n.cfg.Name, Port: int(*port), Addresses: func() []string { return addresses },
		Candidates: n.candidates, Found: n.sights.came, Cluster: n.cfg.Cluster, Token: n.cfg.Token, Now: n.cfg.Now, Logger: n.cfg.Logger,
		Say: n.say,
		Show: func(code string) {
			n.cfg.Notice(fmt.Sprintf("code: %s (an administrator compares it and runs \"picloud node approve %s\")", code, n.cfg.Name))
		},
	})
}

// say tells a person at the console, and whoever asks the API, what the node
// waits for.
func (n *Node) say(what string) {
	n.await(what)
	n.cfg.Notice("waiting: " + what)
}

// enroll takes over what a cluster gave the node that it let in.
func (n *Node) enroll(came *enroll.Membership) error {
	if err := n.identity.Adopt(came.Certificate, came.Authority); err != nil {
		return fmt.Errorf("join the cluster %s: %w", came.Domain, err)
	}
	m := record{Cluster: came.ClusterID, Domain: came.Domain, Node: n.identity.ID(), Name: came.Name}
	for _, other := range came.Members {
		at := member{ID: other.ID}
		for _, address := range other.Addresses {
			at.Addresses = append(at.Addresses, net.JoinHostPort(address, strconv.FormatInt(other.Port, 10)))
		}
		m.Members = append(m.Members, at)
	}
	if err := n.remember(membershipName, m); err != nil {
		return err
	}
	n.cfg.Notice("joined: " + came.Domain + ", as " + came.Name)
	return n.belong(m)
}
