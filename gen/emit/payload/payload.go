package payload

import (
	"slices"

	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
)

// Of is the events of a kind by the part that they play in its life. Those of
// a part that the kind does not have are nil.
type Of struct {
	Begin    *plan.Event   // from absence, and only from there
	Change   *plan.Event   // of the declaration
	Deleting *plan.Event   // asks a reconciler to clean up
	End      *plan.Event   // by whom it may be: it is gone
	Phases   []*plan.Event // reported by a reconciler: provisioning, ready, failed
	Observed *plan.Event   // observed fields moved, the phase did not
	Dataset  *plan.Event   // quads left and came
	Own      []*plan.Event // caused by operations of the kind; some may begin it too
}

// Events takes the events of a kind apart.
func Events(k *plan.Kind) (of Of) {
	for _, e := range All(k) {
		switch {
		case e.Begins && len(e.From) == 0:
			of.Begin = e
		case e.Ends:
			of.End = e
		case e.Event.Of == "ResourceDeletionStarted":
			of.Deleting = e
		case e.Declaration:
			of.Change = e
		case e.Dataset:
			of.Dataset = e
		case e.Observation && e.To == nil:
			of.Observed = e
		case e.Observation && slices.Contains(e.By, model.Reconciler):
			of.Phases = append(of.Phases, e)
		default:
			of.Own = append(of.Own, e)
		}
	}
	return of
}

// All is the events of a kind that can happen: without anything to observe
// there is no event of an observation, and what always exists never ends.
func All(k *plan.Kind) []*plan.Event {
	var events []*plan.Event
	for _, e := range k.Events {
		if e.Observation && e.To == nil && !e.Begins && len(Observable(k)) == 0 || e.Ends && k.Singleton {
			continue
		}
		events = append(events, e)
	}
	return events
}

// Observable is the observed fields that reports give: not those that are
// stamped by changes of declared fields or count a dataset, nor those that
// events set or carry one by one.
func Observable(k *plan.Kind) []*plan.Field {
	return slices.DeleteFunc(slices.Clone(k.Observed), func(f *plan.Field) bool {
		return len(f.StampedBy) > 0 || f.Quads || slices.ContainsFunc(k.Events, func(e *plan.Event) bool {
			return Carries(e, f.Name) || slices.ContainsFunc(e.Sets, func(a plan.Assignment) bool { return a.Field.Name == f.Name })
		})
	})
}

// Stamped is the observed times that are stamped by changes of declared fields.
func Stamped(k *plan.Kind) []*plan.Field {
	return slices.DeleteFunc(slices.Clone(k.Observed), func(f *plan.Field) bool { return len(f.StampedBy) == 0 })
}

// Carries reports whether an event carries a field beside the declared or the
// observed ones: "of", "changed", "reason".
func Carries(e *plan.Event, field string) bool {
	return slices.ContainsFunc(e.Carried, func(f *plan.Field) bool { return f.Name == field })
}

// ListsChanges reports whether an event says which fields changed: those that
// replace a declaration, and those that move observed fields.
func ListsChanges(e *plan.Event) bool {
	return Carries(e, "changed") || e.Observation && !e.Begins
}

// Extra is the fields of the kind itself that an event carries one by one,
// beside those of a change of its dataset.
func Extra(e *plan.Event) []*plan.Field {
	if e.Dataset {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.Carried), func(f *plan.Field) bool {
		return f.Name == "of" || f.Name == "changed" || f.Name == "reason"
	})
}
