package iam

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/state"
)

// VaultConfig is what a node opens the cluster's secrets with.
type VaultConfig struct {
	Identity *Identity
	State    func() *state.State // the folded one
	Domain   string
	Now      func() time.Time
}

// Vault opens what the log keeps sealed, with the generations of the master key
// that the log holds wrapped for this node. It keeps them in memory only, until
// the keyring changes. Without a keyring it opens and seals nothing: a node that
// does not vote has none. It is safe for concurrent use.
type Vault struct {
	cfg VaultConfig

	mu        sync.Mutex
	at        vaultPosition
	keys      map[int][]byte
	sealer    *Sealer
	authority *Authority
}

// vaultPosition is where keyrings and authorities last changed.
type vaultPosition struct{ keyrings, authorities base.Position }

// NewVault makes a vault that opens when it is asked.
func NewVault(cfg VaultConfig) *Vault {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Vault{cfg: cfg}
}

// errNoKeys says that this node holds no generation.
var errNoKeys = &base.Error{
	Code: base.Unavailable, RetryAfter: 1,
	Detail: "this node holds no key of the cluster's secrets, as only nodes that vote do; try again, another node may lead",
}

// Seal seals a value with the newest generation.
func (v *Vault) Seal(ref base.Ref, field string, value *base.Sensitive) error {
	if value.Clear == nil {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(); err != nil {
		return err
	}
	return v.sealer.Seal(ref, field, value)
}

// Open gives the clear value of a sealed one.
func (v *Vault) Open(ref base.Ref, field string, value base.Sensitive) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(); err != nil {
		return nil, err
	}
	return v.sealer.Open(ref, field, value)
}

// Authority is the cluster's authority, ready to sign.
func (v *Vault) Authority() (*Authority, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(); err != nil {
		return nil, err
	}
	if v.authority != nil {
		return v.authority, nil
	}
	kept, _ := v.cfg.State().Get(AuthorityRef).(*domain.Authority)
	if kept == nil {
		return nil, &base.Error{Code: base.Unavailable, RetryAfter: 1, Detail: "the cluster has no certificate authority yet; try again"}
	}
	key, err := v.sealer.Open(AuthorityRef, signingKeyField, kept.Spec.SigningKey)
	if err != nil {
		return nil, fmt.Errorf("the key of the certificate authority: %w", err)
	}
	v.authority, err = readAuthority(AuthorityConfig{Domain: v.cfg.Domain, Now: v.cfg.Now}, []byte(kept.Spec.Certificate), key)
	clear(key)
	return v.authority, err
}

// Secret derives a key for one use from the newest generation: every node that
// holds keys derives the same.
func (v *Vault) Secret(use string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(); err != nil {
		return nil, err
	}
	return derive(v.keys[slices.Max(slices.Collect(maps.Keys(v.keys)))], use)
}

// refresh unwraps the keyring of this node where it changed.
func (v *Vault) refresh() error {
	s := v.cfg.State()
	at := vaultPosition{s.LastIn(keyrings()), s.LastIn(authorities())}
	if v.sealer != nil && at == v.at {
		return nil
	}
	v.authority = nil
	if v.sealer != nil && at.keyrings == v.at.keyrings {
		v.at = at
		return nil
	}
	v.sealer, v.keys = nil, nil
	keys, err := v.unwrap(s)
	if err != nil {
		return err
	}
	sealer, err := sealerOf(keys)
	if err != nil {
		return err
	}
	v.at, v.keys, v.sealer = at, keys, sealer
	return nil
}

// unwrap opens all generations of this node's keyring.
func (v *Vault) unwrap(s *state.State) (map[int][]byte, error) {
	for entry := range s.List(keyrings(), "") {
		ring, ok := entry.Resource.(*domain.Keyring)
		if !ok || ring.Status.Fingerprint != v.cfg.Identity.ID() {
			continue
		}
		keys := map[int][]byte{}
		for name, wrapped := range ring.Status.Generations {
			generation, err := strconv.Atoi(name)
			if err != nil {
				return nil, fmt.Errorf("%s holds a generation %q, which is no number", ring.Ref, name)
			}
			key, err := v.cfg.Identity.unwrap(generation, wrapped)
			if err != nil {
				return nil, fmt.Errorf("%s cannot be opened with this node's wrap.key (generation %d): restore wrap.key from a backup, or remove the node and let it join anew", ring.Ref, generation)
			}
			keys[generation] = key
		}
		if len(keys) > 0 {
			return keys, nil
		}
	}
	return nil, errNoKeys
}

// sealerOf seals with the newest of the generations and opens all.
func sealerOf(keys map[int][]byte) (*Sealer, error) {
	numbers := slices.Sorted(maps.Keys(keys))
	slices.Reverse(numbers)
	ordered := make([][]byte, len(numbers))
	for i, number := range numbers {
		ordered[i] = keys[number]
	}
	return NewSealer(ordered[0], ordered[1:]...)
}

// AuthorityRef is the one certificate authority of a cluster.
const AuthorityRef base.Ref = "/authorities/cluster"

// signingKeyField is where its key is sealed.
const signingKeyField = "signingKey"

func keyrings() string    { return collection(domain.KindKeyring) }
func authorities() string { return collection(domain.KindAuthority) }
func nodes() string       { return collection(domain.KindNode) }

func collection(kind domain.Kind) string { return "/" + schema.Model.Kind(string(kind)).Segment }

// keyringOf is the address of the keyring of a node.
func keyringOf(node base.Ref) base.Ref {
	return base.Ref(keyrings() + strings.TrimPrefix(string(node), nodes()))
}

// nodeOf is the address of the node of a keyring.
func nodeOf(keyring base.Ref) base.Ref {
	return base.Ref(nodes() + strings.TrimPrefix(string(keyring), keyrings()))
}

// generationsMax is how many generations a keyring holds; each removal of a
// node that had keys makes one.
const generationsMax = 1000

// Keyrings gives the commands after which exactly these nodes hold the cluster's
// keys; none where that is so already. A keyring whose node is no longer a member
// was known to somebody who has left: it ends, and a new generation is made,
// wrapped for those that stay, with which everything is sealed from then on. The
// holders are nodes by address, this one among them.
func (v *Vault) Keyrings(holders []base.Ref) ([]domain.Command, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.refresh(); err != nil {
		return nil, err
	}
	s := v.cfg.State()
	plan := ringPlan{state: s, keys: maps.Clone(v.keys)}
	if err := plan.withdraw(holders); err != nil {
		return nil, err
	}
	own := false
	for _, holder := range holders {
		node, _ := s.Get(holder).(*domain.Node)
		if node == nil || node.Status.ID == "" || node.Status.WrapKey == "" {
			return nil, fmt.Errorf("%s can hold no keys: its own are not known", holder)
		}
		own = own || node.Status.ID == v.cfg.Identity.ID()
		if err := plan.grant(holder, node); err != nil {
			return nil, err
		}
	}
	if !own {
		return nil, errors.New("this node must stay among those that hold the cluster's keys: it is the one that wraps them")
	}
	return plan.commands, nil
}

// ringPlan collects what is to be done about keyrings.
type ringPlan struct {
	state    *state.State
	keys     map[int][]byte
	commands []domain.Command
}

// withdraw ends the keyrings of nodes that are to hold none, and makes a new
// generation where one of them has left the cluster.
func (p *ringPlan) withdraw(holders []base.Ref) error {
	left := false
	for entry := range p.state.List(keyrings(), "") {
		ring, ok := entry.Resource.(*domain.Keyring)
		if !ok {
			continue
		}
		node, _ := p.state.Get(nodeOf(ring.Ref)).(*domain.Node)
		gone := node == nil || node.Status.ID != ring.Status.Fingerprint
		left = left || gone
		// one that is taken over by another node of the same name is written anew
		if !slices.Contains(holders, nodeOf(ring.Ref)) {
			p.commands = append(p.commands, &domain.EndKeyring{Ref: ring.Ref})
		}
	}
	if !left {
		return nil
	}
	newest := slices.Max(slices.Collect(maps.Keys(p.keys)))
	if len(p.keys) >= generationsMax {
		return fmt.Errorf("the master key has %d generations, and no more fit into a keyring", len(p.keys))
	}
	p.keys[newest+1] = newMasterKey()
	return nil
}

// grant wraps for a node what its keyring lacks.
func (p *ringPlan) grant(holder base.Ref, node *domain.Node) error {
	ref := keyringOf(holder)
	status := domain.KeyringStatus{Fingerprint: node.Status.ID, WrapKey: node.Status.WrapKey, Generations: map[string]string{}}
	var known map[string]string
	if ring, _ := p.state.Get(ref).(*domain.Keyring); ring != nil && ring.Status.Fingerprint == status.Fingerprint && ring.Status.WrapKey == status.WrapKey {
		known = ring.Status.Generations
	}
	lacks := len(known) != len(p.keys)
	for generation, key := range p.keys {
		name := strconv.Itoa(generation)
		if wrapped := known[name]; wrapped != "" {
			status.Generations[name] = wrapped
			continue
		}
		lacks = true
		wrapped, err := wrapFor(status.Fingerprint, status.WrapKey, generation, key)
		if err != nil {
			return fmt.Errorf("%s: %w", holder, err)
		}
		status.Generations[name] = wrapped
	}
	if lacks {
		p.commands = append(p.commands, &domain.ObserveKeyring{Ref: ref, Status: status})
	}
	return nil
}

// HoldsKeys reports whether a node has a keyring that it can open: without one
// it can lead nothing and gets no vote.
func HoldsKeys(s *state.State, node base.Ref) bool {
	member, _ := s.Get(node).(*domain.Node)
	ring, _ := s.Get(keyringOf(node)).(*domain.Keyring)
	return member != nil && ring != nil && len(ring.Status.Generations) > 0 &&
		ring.Status.Fingerprint == member.Status.ID && ring.Status.WrapKey == member.Status.WrapKey
}
