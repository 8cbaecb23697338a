package command_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/state"
)

// chance draws requests about a few resources that refer to each other in every
// way there is: restricted, cascading, cleared, acyclic.
type chance struct{ *rand.Rand }

func (c chance) name() string { return string(rune('a' + c.IntN(3))) }

func (c chance) refs(prefix string) (list []base.Ref) {
	for _, name := range []string{"a", "b", "c"} {
		if c.IntN(3) == 0 {
			list = append(list, base.Ref(prefix+name))
		}
	}
	return list
}

func (c chance) command() domain.Command {
	product := "/products/" + c.name()
	volume, container := base.Ref(product+"/volumes/"+c.name()), base.Ref(product+"/containers/"+c.name())
	identity, group, passkey, role := base.Ref("/identities/"+c.name()), base.Ref("/groups/"+c.name()), base.Ref("/passkeys/"+c.name()), base.Ref("/roles/"+c.name())
	switch c.IntN(13) {
	case 0, 1:
		return &domain.DeclareProduct{Ref: base.Ref(product), Spec: domain.ProductSpec{Version: "1.0.0"}}
	case 2:
		return &domain.DeleteProduct{Ref: base.Ref(product)}
	case 3:
		return &domain.DeclareVolume{Ref: volume, Spec: domain.VolumeSpec{Size: int64(1+c.IntN(3)) << 30, Mode: domain.VolumeModeMounted}}
	case 4:
		return &domain.DeleteVolume{Ref: volume}
	case 5, 6:
		d := &domain.DeclareContainer{Ref: container, Spec: domain.ContainerSpec{Image: "api:1", Replicas: 1, Restart: domain.RestartPolicyAlways}}
		for _, v := range c.refs("/products/" + c.name() + "/volumes/") {
			if d.Spec.Mounts == nil {
				d.Spec.Mounts = map[base.Ref]domain.Mount{}
			}
			d.Spec.Mounts[v] = domain.Mount{Path: "/data/" + v.Name()}
		}
		return d
	case 7:
		return &domain.DeleteContainer{Ref: container}
	case 8:
		return &domain.DeclareIdentity{Ref: identity, Spec: domain.IdentitySpec{DisplayName: "A person", Email: "person@example.org"}}
	case 9:
		return &domain.DeleteIdentity{Ref: identity}
	case 10:
		return &domain.DeclareGroup{Ref: group, Spec: domain.GroupSpec{Members: c.refs("/identities/")}}
	case 11:
		return &domain.DeclarePasskey{Ref: passkey, Spec: domain.PasskeySpec{Owner: identity, CredentialID: "Y3JlZA", PublicKey: "a2V5"}}
	default:
		return &domain.DeclareRole{Ref: role, Spec: domain.RoleSpec{Inherits: c.refs("/roles/")}}
	}
}

func (c chance) request() *command.Request {
	var commands []domain.Command
	for range 1 + c.IntN(4) {
		commands = append(commands, c.command())
	}
	r := request(commands...)
	r.DeleteData = c.IntN(2) == 0
	return r
}

// lawful lists what breaks the law that spans resources.
func lawful(s *state.State) (broken []string) {
	for entry := range s.All() {
		ref := entry.Resource.Common().Ref
		if product := ref.Product(); product != "" && s.Get(product) == nil {
			broken = append(broken, fmt.Sprintf("%s is of no product", ref))
		}
		for _, reference := range entry.Resource.References() {
			target := s.Get(reference.Target)
			if target == nil {
				broken = append(broken, fmt.Sprintf("%s refers to %s, which is not there", ref, reference.Target))
			} else if kind := schema.Model.Kind(string(target.Kind())); !slices.Contains(schema.Model.Class(reference.Class).Kinds, kind.Name) {
				broken = append(broken, fmt.Sprintf("%s refers to %s, which is no %s", ref, reference.Target, reference.Class))
			}
			if reference.Acyclic && leadsTo(s, reference.Target, ref, 0) {
				broken = append(broken, fmt.Sprintf("%s and %s lead in a circle", ref, reference.Target))
			}
		}
	}
	return broken
}

func leadsTo(s *state.State, from, to base.Ref, depth int) bool {
	if from == to || depth > 10 {
		return true
	}
	if r := s.Get(from); r != nil {
		for _, reference := range r.References() {
			if reference.Acyclic && leadsTo(s, reference.Target, to, depth+1) {
				return true
			}
		}
	}
	return false
}

// Whatever several writers ask for at once, readers never see a state that
// breaks the law, and what the log makes is what they see.
func TestNoReaderEverSeesABrokenLaw(t *testing.T) {
	requests := 150
	if os.Getenv("PICLOUD_LONG") != "" {
		requests = 5000
	}
	n, _ := start(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan int)
	go func() { // every state that is published, or almost
		views := 0
		for {
			now, superseded := n.Views().Changed()
			for _, broken := range lawful(now) {
				t.Errorf("at position %d %s", now.Position, broken)
			}
			views++
			select {
			case <-superseded:
			case <-ctx.Done():
				watched <- views
				return
			}
		}
	}()
	var group sync.WaitGroup
	var mu sync.Mutex
	answers := map[base.Code]int{}
	for writer := range 4 {
		group.Go(func() {
			c := chance{rand.New(rand.NewPCG(seed, uint64(writer)))}
			for range requests {
				_, err := n.Door().Do(t.Context(), c.request())
				if err != nil && code(err) == "" {
					t.Error(err)
				}
				mu.Lock()
				answers[code(err)]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	cancel()
	t.Logf("%d views, answers %v", <-watched, answers)
	if answers[""] < requests/10 || answers[base.Invalid] == 0 || answers[base.Conflict] == 0 {
		t.Errorf("the chance is not worth much: %v", answers)
	}
	live, rebuilt, err := n.Views().Verify(n.Events())
	if err != nil || live != rebuilt {
		t.Errorf("readers see %+v, the log makes %+v, %v", live, rebuilt, err)
	}
}
