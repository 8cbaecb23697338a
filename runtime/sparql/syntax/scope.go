package syntax

import (
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// scope is the set of variables that are in scope (section 18.2.1), in order
// of first appearance.
type scope struct {
	order []string
	seen  map[string]struct{} // once there are many
}

// fewNames is up to how many names are looked through.
const fewNames = 8

func (s *scope) has(v string) bool {
	if s.seen == nil {
		return slices.Contains(s.order, v)
	}
	_, has := s.seen[v]
	return has
}

func (s *scope) add(vars ...string) {
	for _, v := range vars {
		if s.has(v) {
			continue
		}
		s.order = append(s.order, v)
		switch {
		case s.seen != nil:
			s.seen[v] = struct{}{}
		case len(s.order) > fewNames:
			s.seen = make(map[string]struct{}, 4*fewNames)
			for _, v := range s.order {
				s.seen[v] = struct{}{}
			}
		}
	}
}

// node adds a variable; blank nodes are never in scope.
func (s *scope) node(n Node) {
	if n.IsVar() && !strings.HasPrefix(n.Var, "_:") {
		s.add(n.Var)
	}
}

func (s *scope) group(g *Group) {
	for _, e := range g.Elements {
		s.element(e)
	}
}

func (s *scope) element(e Element) {
	switch e := e.(type) {
	case *Triples:
		for _, t := range e.Patterns {
			s.node(t.S)
			s.node(t.P)
			s.node(t.O)
		}
	case *Group:
		s.group(e)
	case *Optional:
		s.group(e.Group)
	case *Union:
		for _, g := range e.Groups {
			s.group(g)
		}
	case *Graph:
		s.node(e.Name)
		s.group(e.Group)
	case *Service:
		s.node(e.Name)
		s.group(e.Group)
	case *Bind:
		s.add(e.Var)
	case *InlineData:
		s.add(e.Vars...)
	case *SubSelect:
		for _, item := range e.Query.Projection {
			s.add(item.Var)
		}
	}
}

func (*Group) element() {}

// templateOf turns the pattern of CONSTRUCT WHERE into its template: blank
// nodes, variables of the pattern, become blank nodes again.
func templateOf(pattern []Triple) []Triple {
	blank := func(n Node) Node {
		if label, is := strings.CutPrefix(n.Var, "_:"); is {
			return Node{Term: base.Blank(label)}
		}
		return n
	}
	out := make([]Triple, len(pattern))
	for i, t := range pattern {
		out[i] = Triple{S: blank(t.S), P: t.P, O: blank(t.O), Pos: t.Pos}
	}
	return out
}
