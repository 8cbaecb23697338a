package command

import (
	"fmt"
	"slices"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
)

// endBelow prepares the end of a resource: what lies below it ends first, those
// that refer to it end, let go of it, or stand in the way.
func (t *trial) endBelow(ref base.Ref) error {
	t.gone[ref] = true
	var below []domain.Resource
	for entry := range t.state().Below(ref) {
		if entry.Resource.Common().Ref.Product() == ref {
			below = append(below, entry.Resource)
		}
	}
	slices.Reverse(below) // of the order of addresses: what is deeper ends first
	for _, r := range below {
		if err := t.cascade(r, ref); err != nil {
			return err
		}
	}
	return t.letGo(ref)
}

// cascade ends a resource because another one ended.
func (t *trial) cascade(r domain.Resource, because base.Ref) error {
	ref := r.Common().Ref
	if t.gone[ref] {
		return nil
	}
	if t.holdsData(r) && !t.request.DeleteData {
		return &base.Error{
			Code: base.Conflict, Ref: because, Resources: t.holdingData(because),
			Detail: fmt.Sprintf("deleting %s would destroy data; say delete-data=true (--delete-data) to mean it", because),
		}
	}
	return t.end(r)
}

// end ends a resource that the request does not name but means: whoever asks
// must have the right to.
func (t *trial) end(r domain.Resource) error {
	c := r.Deletion()
	if err := t.door.May(t.request.Principal, c.Permission(), c.Kind(), c.Subject()); err != nil {
		return err
	}
	return t.carryOut(c)
}

func (t *trial) holdsData(r domain.Resource) bool {
	return t.door.cfg.Model.Kind(string(r.Kind())).HoldsData
}

// holdingData lists what would be destroyed with a resource.
func (t *trial) holdingData(ref base.Ref) (refs []base.Ref) {
	for entry := range t.state().Below(ref) {
		if t.holdsData(entry.Resource) {
			refs = append(refs, entry.Resource.Common().Ref)
		}
	}
	return refs
}

// letGo treats the references to a resource that ended as each says.
func (t *trial) letGo(ref base.Ref) error {
	var referrers []domain.Resource
	for r := range t.state().Referrers(ref) {
		referrers = append(referrers, r)
	}
	for _, r := range referrers {
		for _, reference := range r.References() {
			if reference.Target != ref {
				continue
			}
			switch reference.OnDelete {
			case base.Restrict:
				t.severed = append(t.severed, severed{ref, r.Common().Ref})
			case base.Cascade:
				if err := t.cascade(r, ref); err != nil {
					return err
				}
			}
		}
		if c := r.Without(ref); c != nil && !t.gone[r.Common().Ref] {
			if err := t.carryOut(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSevered refuses deletions whose targets are still referred to: the
// referrer may have been deleted or changed by the same request.
func (t *trial) checkSevered() error {
	var targets, sources []base.Ref
	for _, s := range t.severed {
		source := t.state().Get(s.source)
		if source == nil || t.state().Get(s.target) != nil {
			continue
		}
		for _, reference := range source.References() {
			if reference.Target == s.target && !slices.Contains(sources, s.source) {
				sources = append(sources, s.source)
				if !slices.Contains(targets, s.target) {
					targets = append(targets, s.target)
				}
			}
		}
	}
	if len(sources) == 0 {
		return nil
	}
	slices.Sort(sources)
	return &base.Error{
		Code: base.Conflict, Ref: targets[0], Resources: sources,
		Detail: fmt.Sprintf("%s is still referred to; change or delete first what refers to it", targets[0]),
	}
}
