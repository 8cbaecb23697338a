package node

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/picloud/picloud/runtime/iam"
)

// identify opens everything that is secret to the node; in a new directory it
// is made. The log and Raft's store come after the keys: where one of them is,
// the keys were, and a key made now would open nothing that the log holds.
func (n *Node) identify(context.Context) error {
	if n.cfg.Domain == "" {
		n.cfg.Domain = usualDomain
	}
	founded, err := n.anyOf("log", "raft")
	if err != nil {
		return err
	}
	keys := n.path("keys")
	if n.ca, err = iam.OpenCA(iam.CAConfig{
		Dir: keys, Domain: n.cfg.Domain, Names: n.cfg.Names, Now: n.cfg.Now, Founded: founded,
	}); err != nil {
		return err
	}
	if n.leaf, err = n.ca.OpenLeaf(); err != nil {
		return err
	}
	load := iam.LoadKey
	if founded {
		load = iam.ReadKey
	}
	key, err := load(filepath.Join(keys, "seal.key"))
	if err != nil {
		return err
	}
	n.sealer, err = iam.NewSealer(key)
	return err
}

// anyOf reports whether the directory holds one of these.
func (n *Node) anyOf(names ...string) (bool, error) {
	for _, name := range names {
		if _, err := os.Stat(n.path(name)); !errors.Is(err, fs.ErrNotExist) {
			return err == nil, err
		}
	}
	return false, nil
}

// TLS is how the node proves who it is.
func (n *Node) TLS() *tls.Config { return n.leaf.ServerConfig() }

// CA is the certificate of the cluster's authority, in PEM.
func (n *Node) CA() []byte { return n.ca.PEM() }
