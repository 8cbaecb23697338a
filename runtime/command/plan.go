package command

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// Digest names a plan: equal digests, equal plans.
type Digest [16]byte

// Action is what a plan does to one resource.
type Action string

const (
	Create Action = "create"
	Change Action = "change"
	Delete Action = "delete"
	Keep   Action = "none"
)

// Plan is what a deployment does, resource by resource.
type Plan struct {
	Deployment string
	Steps      []Step
	Digest     Digest
}

// Step is what a plan does to one resource. Values are in the form that
// clients read; sensitive ones never show, only that they change.
type Step struct {
	Action Action
	Kind   domain.Kind
	Ref    base.Ref
	Fields []base.Change
}

// planned is the trial itself if it has a plan to answer with. The plan is made by
// who waits for the answer: others wait for their decisions meanwhile.
func (t *trial) planned(err error) *trial {
	if a := t.request.Apply; a == nil || a.Brief || err != nil || t.answer.Replayed {
		return nil
	}
	return t
}

// plan says what became of what the deployment lists, then of everything else
// that its events changed: pruned, deleted with something, or let go of it.
func (t *trial) plan() *Plan {
	plan := &Plan{Deployment: t.request.Apply.Deployment, Digest: t.digest()}
	about := map[base.Ref][]*domain.Event{}
	for _, e := range t.events {
		about[e.Subject] = append(about[e.Subject], e)
	}
	for _, i := range t.inOrder() {
		c := t.request.Commands[i]
		plan.Steps = append(plan.Steps, t.step(c.Kind(), c.Subject(), about[c.Subject()]))
	}
	noted := map[base.Ref]bool{}
	for _, e := range t.events {
		if _, listed := t.subjects[e.Subject]; listed || noted[e.Subject] {
			continue
		}
		noted[e.Subject] = true
		plan.Steps = append(plan.Steps, t.step(e.Payload.Kind(), e.Subject, about[e.Subject]))
	}
	return plan
}

// step says what became of a resource by the events about it.
func (t *trial) step(kind domain.Kind, ref base.Ref, events []*domain.Event) Step {
	step := Step{Action: Keep, Kind: kind, Ref: ref}
	was, is := t.before.Get(ref), t.state().Get(ref)
	switch {
	case is == nil:
		step.Action = Delete
		return step
	case was == nil:
		step.Action = Create
	case is.Common().Revision == was.Common().Revision:
		return step
	default:
		step.Action = Change
	}
	step.Fields = base.DiffValues(t.declared(was), t.declared(is))
	step.Fields = append(step.Fields, sealedChanges(events, step.Fields)...)
	return step
}

// declared is what clients see of a declaration, without status and address.
func (t *trial) declared(r domain.Resource) *base.Value {
	if r == nil {
		return nil
	}
	e := base.Encoder{Root: t.door.cfg.Root}
	codec.AppendResource(&e, r)
	v, fault := base.ReadJSON(e.Buffer, base.Limits{Bytes: len(e.Buffer) + 1})
	if fault != nil { // what this program wrote it can read
		return nil
	}
	v.Members = slices.DeleteFunc(v.Members, func(m *base.Member) bool {
		switch m.Name {
		case "iri", "kind", "name", "product", "status":
			return true
		}
		return false
	})
	return v
}

// sealedChanges adds the fields that the events name and no value shows.
func sealedChanges(events []*domain.Event, shown []base.Change) (hidden []base.Change) {
	for _, e := range events {
		changed := payload(e).Get("changed")
		if changed == nil {
			continue
		}
		for _, item := range changed.Items {
			if !slices.ContainsFunc(shown, func(c base.Change) bool {
				return c.Pointer == item.Text || strings.HasPrefix(c.Pointer, item.Text+"/")
			}) {
				hidden = append(hidden, base.Change{Pointer: item.Text})
			}
		}
	}
	return hidden
}

// payload is what an event says in the form that clients read.
func payload(e *domain.Event) *base.Value {
	var encoder base.Encoder
	codec.AppendPayload(&encoder, e.Payload)
	v, fault := base.ReadJSON(encoder.Buffer, base.Limits{Bytes: len(encoder.Buffer) + 1})
	if fault != nil { // what this program wrote it can read
		return &base.Value{}
	}
	return v
}

// digest covers all that the plan would do: every event, the revision of its
// subject that it was decided on, and the fingerprints of values that no event
// shows. Observations are not part of it.
func (t *trial) digest() (digest Digest) {
	sum := sha256.New()
	write(sum, t.request.Apply.Deployment)
	for _, e := range t.events {
		var revision base.Position
		if was := t.before.Get(e.Subject); was != nil {
			revision = was.Common().Revision
		}
		var encoder base.Encoder
		codec.AppendPayload(&encoder, e.Payload)
		write(sum, string(e.Subject), revision.String(), string(e.Payload.Type()), string(encoder.Buffer))
	}
	for _, c := range t.request.Commands {
		c.Sensitive(func(field string, value *base.Sensitive) {
			write(sum, string(c.Subject()), field, value.Fingerprint)
		})
	}
	copy(digest[:], sum.Sum(nil))
	return digest
}

// write adds texts to a digest, each with its length before it.
func write(sum hash.Hash, texts ...string) {
	for _, text := range texts {
		_ = binary.Write(sum, binary.BigEndian, uint64(len(text))) // a hash has no errors
		sum.Write([]byte(text))
	}
}
