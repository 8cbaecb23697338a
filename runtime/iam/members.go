package iam

import (
	"fmt"
	"slices"
	"sync"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/state"
)

// Members is the list of keys that are let in between nodes: those of the node
// resources of the folded state. What a certificate says of itself admits
// nobody, so a removed node is out with the event that removes it.
type Members struct {
	State func() *state.State // nil results stand for an empty state
	// Stranger, if given, is told of each key that is refused although there is a
	// state: it may be of a member that this node has not heard of yet. It returns
	// at once.
	Stranger func(id string)

	mu   sync.Mutex
	at   base.Position // of the last event about any node
	byID map[string]base.Ref
	seed []string
}

// Seed admits these keys until the folded state knows of a cluster: a machine
// that was just let in has the list of members from the cluster's answer and
// no log yet.
func (m *Members) Seed(ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seed = slices.Clone(ids)
}

// Admits refuses everybody but members.
func (m *Members) Admits(id string) error {
	admitted, folded := m.known(id)
	if admitted {
		return nil
	}
	if folded && m.Stranger != nil {
		m.Stranger(id)
	}
	return &base.Error{Code: base.Forbidden, Detail: fmt.Sprintf("the key %.16s… is of no member of this cluster: the node was never let in, or it was removed", id)}
}

// known reports whether a key is a member's, and whether the folded state says so.
func (m *Members) known(id string) (admitted, folded bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.State()
	if s == nil || s.Get("/") == nil {
		return slices.Contains(m.seed, id), false
	}
	return m.refs(s)[id] != "", true
}

// Ref is the node that has a key, or "".
func (m *Members) Ref(id string) base.Ref {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.State(); s != nil {
		return m.refs(s)[id]
	}
	return ""
}

// refs are the nodes by key; they are listed again when one changed.
func (m *Members) refs(s *state.State) map[string]base.Ref {
	if last := s.LastIn(nodes()); m.byID == nil || last != m.at {
		m.at, m.byID = last, map[string]base.Ref{}
		for entry := range s.List(nodes(), "") {
			if node, ok := entry.Resource.(*domain.Node); ok && node.Status.ID != "" {
				m.byID[node.Status.ID] = node.Ref
			}
		}
	}
	return m.byID
}
