package command

import (
	"fmt"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// Apply makes a request one of a whole deployment: the commands declare its
// resources, all at once.
type Apply struct {
	Deployment string
	Prune      bool // deletes what the deployment applied before and no longer lists
	TakeOver   bool // resources of other deployments become its own
	DryRun     bool // plans only
	Brief      bool // the answer needs no plan
	If         *Digest
}

// MaxResources bounds one deployment.
const MaxResources = 5000

// apply decides a whole deployment.
func (t *trial) apply() error {
	a := t.request.Apply
	if n := len(t.request.Commands); n > MaxResources {
		return &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("a deployment has at most %d resources, this one has %d; split it", MaxResources, n)}
	}
	if a.Deployment == "" { // of which everything undeployed would be a part
		return &base.Error{Code: base.Invalid, Detail: "a deployment needs a name"}
	}
	for _, i := range t.inOrder() {
		c := t.request.Commands[i]
		if err := t.owned(i, t.before.Get(c.Subject())); err != nil {
			return err
		}
		if err := t.carryOut(c); err != nil {
			return t.placed(i, err)
		}
	}
	if a.Prune {
		if err := t.prune(); err != nil {
			return err
		}
		for i, c := range t.request.Commands {
			if t.gone[c.Subject()] {
				return t.invalid(i, "reference", "", fmt.Sprintf("%s would be deleted with what it refers to, which the deployment no longer lists", c.Subject()))
			}
		}
	}
	if err := t.finish(); err != nil {
		return err
	}
	if a.If != nil && *a.If != t.digest() {
		return &base.Error{Code: base.Stale, Detail: "the cluster has changed since the plan was made; plan again"}
	}
	return nil
}

// inOrder gives the places of the deployment's resources in the order of their
// events: as listed, but a product before what belongs to it, so that readers
// of the log meet nothing whose product they do not know.
func (t *trial) inOrder() []int {
	order := make([]int, len(t.request.Commands))
	for i := range order {
		order[i] = i
	}
	above := func(i int) int {
		if t.request.Commands[i].Subject().Product() == "" {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(order, func(a, b int) int { return above(a) - above(b) })
	return order
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
		Detail: fmt.Sprintf("%s belongs to the deployment %q; say take-over=true (--take-over) to make it part of %q", head.Ref, head.Deployment, a.Deployment),
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
func (t *trial) prune() error {
	var leftovers []domain.Resource
	var holding []base.Ref
	for entry := range t.before.All() {
		head := entry.Resource.Common()
		if _, listed := t.subjects[head.Ref]; listed || head.Deployment != t.request.Apply.Deployment || entry.Resource.Deletion() == nil {
			continue
		}
		leftovers = append(leftovers, entry.Resource)
		if t.holdsData(entry.Resource) {
			holding = append(holding, head.Ref)
		}
	}
	if len(holding) > 0 && !t.request.DeleteData {
		return &base.Error{Code: base.Conflict, Resources: holding, Detail: "pruning would destroy data; say delete-data=true (--delete-data) to mean it"}
	}
	slices.Reverse(leftovers)
	for _, r := range leftovers {
		if ref := r.Common().Ref; !t.gone[ref] {
			if err := t.end(r); err != nil {
				return err
			}
		}
	}
	return nil
}
