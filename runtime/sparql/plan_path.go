package sparql

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// step turns a property path into steps over ids.
func (p *planner) step(path syntax.Path) step {
	switch x := path.(type) {
	case syntax.PathInverse:
		return inverseStep{p.step(x.Path)}
	case syntax.PathSequence:
		return sequenceStep{p.step(x.Left), p.step(x.Right)}
	case syntax.PathAlternative:
		return alternativeStep{p.step(x.Left), p.step(x.Right)}
	case syntax.PathRepeat:
		return repeatStep{step: p.step(x.Path), zero: x.Min == 0, many: x.Many}
	case syntax.PathNegated:
		return negatedStep{
			forward: p.ids(x.Forward), inverse: p.ids(x.Inverse),
			hasForward: len(x.Forward) > 0 || len(x.Inverse) == 0, hasBackwards: len(x.Inverse) > 0,
		}
	}
	return predicateStep{p.e.intern(path.(syntax.PathIRI).IRI)}
}

func (p *planner) ids(terms []base.Term) []rdf.ID {
	out := make([]rdf.ID, len(terms))
	for i, t := range terms {
		out[i] = p.e.intern(t)
	}
	return out
}

// hasZero reports a path with a way of no steps.
func hasZero(path syntax.Path) bool {
	switch x := path.(type) {
	case syntax.PathInverse:
		return hasZero(x.Path)
	case syntax.PathSequence:
		return hasZero(x.Left) && hasZero(x.Right)
	case syntax.PathAlternative:
		return hasZero(x.Left) || hasZero(x.Right)
	case syntax.PathRepeat:
		return x.Min == 0 || hasZero(x.Path)
	}
	return false
}

// hasRepeat reports a path with ways of any number of steps.
func hasRepeat(path syntax.Path) bool {
	switch x := path.(type) {
	case syntax.PathInverse:
		return hasRepeat(x.Path)
	case syntax.PathSequence:
		return hasRepeat(x.Left) || hasRepeat(x.Right)
	case syntax.PathAlternative:
		return hasRepeat(x.Left) || hasRepeat(x.Right)
	case syntax.PathRepeat:
		return x.Many || hasRepeat(x.Path)
	}
	return false
}
