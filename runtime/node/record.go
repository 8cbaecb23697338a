package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/runtime/iam"
)

// Files of the directory that say how the node stands to its cluster. At most
// one of them counts: the first that is there.
const (
	membershipName = "membership.json" // it is a member
	foundingName   = "founding.json"   // it was told to found a cluster, and has not finished
)

// record is what a node keeps about being a member. All but Cluster and
// Domain are hints for the time before it has folded the cluster's history.
type record struct {
	Cluster string   `json:"cluster"` // id
	Domain  string   `json:"domain"`
	Node    string   `json:"node"` // id of this node: the fingerprint of its key
	Name    string   `json:"name"` // of this node
	Members []member `json:"members,omitempty"`
	// Seeded says that the node has its part in the consensus: what came before
	// its time was fetched.
	Seeded bool `json:"seeded"`
	// Known says that the node saw itself among the members: if it is not there
	// any more, it was removed.
	Known bool `json:"known"`
	// Incarnation is that of its part in the consensus, kept here too: a part that
	// is lost whole must not come back under a name under which it voted.
	Incarnation uint64 `json:"incarnation,omitempty"`
	// Anew says that the cluster went on from another history than this node's.
	Anew bool `json:"anew,omitempty"`
}

// member is another one, as it was when this node was let in.
type member struct {
	ID        string   `json:"id"`
	Addresses []string `json:"addresses"` // host:port
}

// Founding is what a new cluster is to be.
type Founding struct {
	Domain     string `json:"domain,omitempty"`     // "" = picloud.local
	Enrollment string `json:"enrollment,omitempty"` // how nodes are let in: approve, token, auto; "" = approve
	// An authority that was brought along: certificate and key, both PEM. Without
	// them the cluster makes its own.
	Certificate []byte `json:"certificate,omitempty"`
	Key         []byte `json:"key,omitempty"`
}

// Member reports whether the node of a directory is a member of a cluster, or
// about to be.
func Member(dir string) bool {
	for _, name := range []string{membershipName, foundingName, "log"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// recall reads a file of the directory into what it says; false when there is
// none.
func (n *Node) recall(name string, into any) (bool, error) {
	text, err := os.ReadFile(n.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return false, fmt.Errorf("%s is damaged: %w; restore it from a backup of this directory", n.path(name), err)
	}
	return true, nil
}

// remember keeps what recall reads, durably.
func (n *Node) remember(name string, what any) error { return write(n.path(name), what) }

func write(path string, what any) error {
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return err
	}
	return iam.WriteSecret(path, append(text, '\n'))
}

// forget removes what is no longer to be recalled.
func (n *Node) forget(name string) error {
	if err := os.Remove(n.path(name)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
