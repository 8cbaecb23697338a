package node

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/state"
)

// answerPeers mounts what other nodes ask of this one.
func (n *Node) answerPeers(context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+catchup.Path, catchup.Handler(n.log))
	mux.HandleFunc("GET /peer/standing", func(w http.ResponseWriter, r *http.Request) {
		at, err := n.consensus.Standing(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(at) // who left needs no answer
	})
	n.port.Handle(mux)
	return nil
}

// nodes are those of a state, each with the resource.
func nodes(s *state.State) (list []*domain.Node) {
	for entry := range s.List("/nodes", "") {
		if node, ok := entry.Resource.(*domain.Node); ok {
			list = append(list, node)
		}
	}
	return list
}

// others are the ids of the other members, those first that are known to be well.
func (n *Node) others() (ids []string) {
	s := n.state()
	if s == nil || s.Get("/") == nil {
		if m := n.membership.Load(); m != nil {
			for _, other := range m.Members {
				ids = append(ids, other.ID)
			}
		}
		return ids
	}
	var unwell []string
	for _, node := range nodes(s) {
		switch {
		case node.Status.ID == "" || node.Status.ID == n.identity.ID():
		case node.Status.Condition == domain.ConditionHealthy:
			ids = append(ids, node.Status.ID)
		default:
			unwell = append(unwell, node.Status.ID)
		}
	}
	return append(ids, unwell...)
}

// addressesOf is where a member may be found, best first.
func (n *Node) addressesOf(id string) (list []string) {
	if s := n.state(); s != nil {
		for _, node := range nodes(s) {
			if node.Status.ID != id || node.Status.Port == nil {
				continue
			}
			for _, ip := range node.Status.Addresses {
				list = append(list, net.JoinHostPort(ip, strconv.FormatInt(*node.Status.Port, 10)))
			}
		}
	}
	if m := n.membership.Load(); m != nil {
		for _, other := range m.Members {
			if other.ID == id {
				list = append(list, other.Addresses...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
