package model

import "github.com/picloud/picloud/gen/base"

// level is with which level of the platform something came; 0 for the first.
func (b *builder) level(n *node) int {
	i := b.integer(n, base.Meta+"level")
	switch {
	case i == nil || *i == 1:
		return 0
	case *i < 1 || *i > levelMax:
		b.add(n.place(base.Meta+"level"), "pm:level of %s is %d; levels go from 1 to %d", b.name(n), *i, levelMax)
		return 0
	}
	return int(*i)
}

// levelMax is more levels than there will ever be.
const levelMax = 1_000_000

// fieldLevel demands that what comes later can be left out: an older release
// passes over fields that it does not know.
func (b *builder) fieldLevel(s *shape) {
	f := s.field
	switch at := s.n.place(base.Meta + "level"); {
	case f.Level == 0:
	case f.Observed:
		b.add(at, "%s is observed, so it needs no pm:level: an older release passes over it, and it is observed again; remove it", b.name(s.n))
	case f.Required:
		b.add(at, "%s comes later (pm:level %d) and is required, so that nothing of its kind could be declared before; make it optional", b.name(s.n), f.Level)
	}
}

// Level is the highest level of all that the model describes: that of the release
// which it makes.
func (m *Model) Level() int {
	level := 1
	for _, c := range m.Classes {
		level = max(level, c.Level)
		for _, f := range c.Fields {
			level = max(level, f.Level)
		}
	}
	for _, e := range m.Enums {
		for _, t := range e.Tokens {
			level = max(level, t.Level)
		}
	}
	for _, e := range m.Events {
		level = max(level, e.Level)
	}
	return level
}
