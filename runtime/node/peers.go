package node

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/catchup"
	"github.com/picloud/picloud/runtime/enroll"
	edge "github.com/picloud/picloud/runtime/http"
	"github.com/picloud/picloud/runtime/insight"
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
	n.Surveyor().Mount(mux)
	mux.Handle("POST "+enroll.RenewPath, inTime(n.renewals()))
	mux.HandleFunc(edge.ForwardPath+"/", n.byEdge((*edge.Server).Forwarded))
	mux.HandleFunc("GET "+edge.PositionPath, n.byEdge((*edge.Server).LatestPosition))
	mux.Handle("POST "+insight.Path, inTime(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if measuring := n.insight.Load(); measuring != nil {
			measuring.ServeHTTP(w, r)
			return
		}
		http.Error(w, "the node is starting", http.StatusServiceUnavailable)
	})))
	n.port.Handle(mux)
	return nil
}

// messageTime is for what a member sends, whole, and for the answer.
const messageTime = 10 * time.Second

// inTime gives up a member that sends and never ends.
func inTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(messageTime))
		next.ServeHTTP(w, r)
	})
}

// byEdge answers members by a handler of the edge, once there is one.
func (n *Node) byEdge(handler func(*edge.Server) http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if e := n.edge.Load(); e != nil {
			handler(e).ServeHTTP(w, r)
			return
		}
		w.Header().Set(edge.NotLeader, "true") // it cannot be, before it serves
		http.Error(w, "the node is starting", http.StatusServiceUnavailable)
	}
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
		if m := n.record.Load(); m != nil {
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
