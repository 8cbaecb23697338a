package iam

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Foundation is the trust that a cluster begins with: commands that put its
// authority and the first keyring into the log, and what the first node needs
// to be trusted. The commands go into the batch that makes the cluster.
type Foundation struct {
	Commands  []domain.Command
	Authority *Authority
	identity  *Identity
}

// FoundConfig says what is founded.
type FoundConfig struct {
	Identity  *Identity
	Node      base.Ref   // the first one
	Authority *Authority // made by NewAuthority or brought along (OpenAuthority)
}

// Found makes the first generation of the master key at random, seals the key of
// the authority with it and wraps it for the first node.
func Found(cfg FoundConfig) (*Foundation, error) {
	return found(cfg, newMasterKey())
}

// newMasterKey is a generation: random, derived from nothing.
func newMasterKey() []byte {
	key := make([]byte, KeySize)
	rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

func found(cfg FoundConfig, master []byte) (*Foundation, error) {
	sealer, err := NewSealer(master)
	if err != nil {
		return nil, err
	}
	text, err := encodeKey(cfg.Authority.key)
	if err != nil {
		return nil, err
	}
	key := base.Sensitive{Clear: text}
	if err := sealer.Seal(AuthorityRef, signingKeyField, &key); err != nil {
		return nil, err
	}
	const first = 1
	wrapped, err := wrapFor(cfg.Identity.ID(), cfg.Identity.WrapKey(), first, master)
	if err != nil {
		return nil, err
	}
	return &Foundation{
		Commands: []domain.Command{
			&domain.DeclareAuthority{Ref: AuthorityRef, Spec: domain.AuthoritySpec{
				Description: new("Vouches for the nodes of the cluster"),
				Certificate: string(cfg.Authority.PEM()), SigningKey: key,
			}},
			&domain.ObserveKeyring{Ref: keyringOf(cfg.Node), Status: domain.KeyringStatus{
				Fingerprint: cfg.Identity.ID(), WrapKey: cfg.Identity.WrapKey(),
				Generations: map[string]string{fmt.Sprint(first): wrapped},
			}},
		},
		Authority: cfg.Authority, identity: cfg.Identity,
	}, nil
}

// Certify gives the first node its certificate. It may be done before the
// commands are in the log: a node that ends in between founds anew.
func (f *Foundation) Certify(name string) error { return Certify(f.identity, f.Authority, name) }

// Certify issues a certificate for the node that opens the authority itself. It
// gets all of its own names that the constraints permit.
func Certify(i *Identity, a *Authority, name string) error {
	text, err := i.Request(name, func(name string) bool { return permits(a.cert, name) })
	if err != nil {
		return err
	}
	request, err := ParseRequest(text)
	if err != nil {
		return err
	}
	leaf, err := a.Issue(request, Subject{Name: name, Had: i.cfg.Names})
	if err != nil {
		return err
	}
	return i.Adopt(leaf, a.PEM())
}

// TakeOver is the foundation of a cluster whose only node kept the authority's
// key and the sealing key in files, as releases without membership did; nil
// where there are no such files. The sealing key becomes the first generation,
// so everything that it sealed still opens. It is for a log that holds no
// authority yet; Identity.Settle ends it.
func TakeOver(i *Identity, node base.Ref, cfg AuthorityConfig) (*Foundation, error) {
	key, err := readSecret(i.path("ca.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	certificate, err := os.ReadFile(i.path("ca.pem"))
	if errors.Is(err, fs.ErrNotExist) { // it was written before the key
		return nil, lost(i.path("ca.pem"))
	}
	if err != nil {
		return nil, err
	}
	authority, err := readAuthority(cfg, certificate, key)
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w", i.cfg.Dir, err)
	}
	master, err := readKey(i.path("seal.key"))
	if err != nil {
		return nil, err
	}
	return found(FoundConfig{Identity: i, Node: node, Authority: authority}, master)
}

// formerFiles are what the log replaced.
func (i *Identity) formerFiles() []string {
	return []string{i.path("ca.key"), i.path("seal.key"), i.path("ca.pem")}
}

// Settle removes the files that TakeOver read, once the vault opens the same
// authority out of the log; it does nothing where there are none.
func (i *Identity) Settle(v *Vault) error {
	left := slices.DeleteFunc(i.formerFiles(), func(path string) bool {
		_, err := os.Stat(path)
		return errors.Is(err, fs.ErrNotExist)
	})
	if len(left) == 0 {
		return nil
	}
	kept, err := v.Authority()
	if err != nil {
		return fmt.Errorf("the authority's key stays in its file: %w", err)
	}
	if Fingerprint(kept.cert) != i.AuthorityFingerprint() {
		return errors.New("the authority's key stays in its file: the log holds another authority")
	}
	if err := WriteSecret(i.path("roots.pem"), encodeCert(kept.cert.Raw)); err != nil {
		return err
	}
	for _, path := range left {
		if err := remove(path); err != nil {
			return err
		}
	}
	return syncDir(i.cfg.Dir)
}
