package command

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// Apply makes a request one of a whole deployment: the commands declare its
// resources, all at once.
type Apply struct {
	Deployment string
	Prune      bool // deletes what the deployment applied before and no longer lists
	TakeOver   bool // resources of other deployments become its own
	DryRun     bool // plans only
	If         *Digest
}

// Digest names a plan: equal digests, equal plans.
type Digest [16]byte

// MaxResources bounds one deployment.
const MaxResources = 5000

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

// apply decides a whole deployment.
func (t *trial) apply() error {
	a := t.request.Apply
	if n := len(t.request.Commands); n > MaxResources {
		return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("a deployment has at most %d resources, this one has %d; split it", MaxResources, n)}
	}
	before := t.door.begin(&overlay{builder: t.builder, basis: uint64(t.basis)}, t.request)
	plan := &Plan{Deployment: a.Deployment}
	digest := sha256.New()
	note := func(ref base.Ref, was domain.Resource) {
		var revision base.Position
		if was != nil {
			revision = was.Common().Revision
		}
		_ = binary.Write(digest, binary.BigEndian, uint64(revision))
		digest.Write([]byte(ref))
	}
	for i, c := range t.request.Commands {
		ref := c.Subject()
		was := before.state().Get(ref)
		note(ref, was)
		if err := t.owned(i, was); err != nil {
			return err
		}
		if err := t.carryOut(c); err != nil {
			return t.placed(i, err)
		}
		plan.Steps = append(plan.Steps, t.step(c.Kind(), ref, was))
	}
	if a.Prune {
		if err := t.prune(before, plan, note); err != nil {
			return err
		}
	}
	if err := t.finish(); err != nil {
		return err
	}
	for _, step := range plan.Steps {
		fmt.Fprint(digest, step.Action, step.Ref)
		for _, f := range step.Fields {
			digest.Write([]byte(f.Pointer))
			digest.Write(base.AppendValue(nil, f.After))
		}
	}
	copy(plan.Digest[:], digest.Sum(nil))
	t.answer.Plan = plan
	if a.If != nil && *a.If != plan.Digest {
		return &base.Error{Code: base.Stale, Detail: "the cluster has changed since the plan was made; plan again"}
	}
	return nil
}

// owned refuses a resource that another deployment declared.
func (t *trial) owned(i int, was domain.Resource) error {
	a := t.request.Apply
	if was == nil || a.TakeOver {
		return nil
	}
	head := was.Common()
	if head.Deployment == "" || head.Deployment == a.Deployment {
		return nil
	}
	return t.placed(i, &base.Error{
		Code: base.Conflict, Ref: head.Ref,
		Detail: fmt.Sprintf("%s belongs to the deployment %q; say take-over=true to make it part of %q", head.Ref, head.Deployment, a.Deployment),
	})
}

// placed gives the violations of a refused command their place in the body.
func (t *trial) placed(i int, err error) error {
	e, ok := err.(*base.Error)
	if !ok {
		return err
	}
	placed := *e
	placed.Violations = slices.Clone(e.Violations)
	for j := range placed.Violations {
		placed.Violations[j].Pointer = fmt.Sprintf("/resources/%d%s", i, placed.Violations[j].Pointer)
	}
	if len(placed.Violations) == 0 {
		placed.Violations = []base.Violation{{ID: string(e.Code), Rule: e.Rule, Pointer: fmt.Sprintf("/resources/%d", i), Message: e.Detail}}
	}
	return &placed
}

// prune deletes what the deployment applied before and no longer lists.
func (t *trial) prune(before *trial, plan *Plan, note func(base.Ref, domain.Resource)) error {
	var leftovers []domain.Resource
	var holding []base.Ref
	for entry := range before.state().All() {
		head := entry.Resource.Common()
		if _, listed := t.subjects[head.Ref]; listed || head.Deployment != t.request.Apply.Deployment {
			continue
		}
		leftovers = append(leftovers, entry.Resource)
		if t.door.cfg.Model.Kind(string(entry.Resource.Kind())).HoldsData {
			holding = append(holding, head.Ref)
		}
	}
	if len(holding) > 0 && !t.request.DeleteData {
		return &base.Error{Code: base.Conflict, Resources: holding, Detail: "pruning would destroy data; say delete-data=true to mean it"}
	}
	slices.Reverse(leftovers)
	for _, r := range leftovers {
		ref := r.Common().Ref
		note(ref, r)
		if !t.gone[ref] {
			if err := t.carryOut(r.Deletion()); err != nil {
				return err
			}
		}
		plan.Steps = append(plan.Steps, Step{Action: Delete, Kind: r.Kind(), Ref: ref})
	}
	return nil
}

// step says what became of a resource.
func (t *trial) step(kind domain.Kind, ref base.Ref, was domain.Resource) Step {
	step := Step{Action: Keep, Kind: kind, Ref: ref}
	is := t.state().Get(ref)
	switch {
	case was == nil:
		step.Action = Create
	case is == nil || is.Common().Revision == was.Common().Revision:
		return step
	default:
		step.Action = Change
	}
	step.Fields = base.DiffValues(t.declared(was), t.declared(is))
	step.Fields = append(step.Fields, t.sealedChanges(ref, step.Fields)...)
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

// sealedChanges adds the fields that the event names and no value shows.
func (t *trial) sealedChanges(ref base.Ref, shown []base.Change) (hidden []base.Change) {
	last := t.events[len(t.events)-1]
	if last.Subject != ref {
		return nil
	}
	var e base.Encoder
	codec.AppendPayload(&e, last.Payload)
	v, fault := base.ReadJSON(e.Buffer, base.Limits{Bytes: len(e.Buffer) + 1})
	if fault != nil || v.Get("changed") == nil {
		return nil
	}
	for _, item := range v.Get("changed").Items {
		if !slices.ContainsFunc(shown, func(c base.Change) bool { return c.Pointer == item.Text || strings.HasPrefix(c.Pointer, item.Text+"/") }) {
			hidden = append(hidden, base.Change{Pointer: item.Text})
		}
	}
	return hidden
}
