package base

// Level is the highest level of the platform that a value needs: that of the
// fields that it gives and of the tokens that it holds. A field at its default
// says nothing that a release without it would not do. The value is in the form of
// JSON of a kind or value class; 0 is the first level.
func (m *Model) Level(class *Class, v *Value) (level int) {
	if class == nil || v == nil || v.Kind != ObjectValue {
		return 0
	}
	for _, f := range class.Fields {
		given := v.Get(f.Name)
		if given == nil || given.Kind == NullValue || f.Default != "" && given.Text == f.Default {
			continue
		}
		level = max(level, f.Level, m.levelWithin(f, given))
	}
	return level
}

// levelWithin is what the values of a field need.
func (m *Model) levelWithin(f *Field, v *Value) (level int) {
	switch {
	case v.Kind == ArrayValue:
		for _, item := range v.Items {
			level = max(level, m.levelWithin(f, item))
		}
	case f.Form == Map && f.Value == "":
		for _, entry := range v.Members {
			level = max(level, m.Level(m.Class(f.Object), entry.Value))
		}
	case f.Type == TypeObject:
		level = m.Level(m.Class(f.Object), v)
	case f.Type == TypeEnum:
		if e := m.Enum(f.Enum); e != nil {
			for _, t := range e.Tokens {
				if t.Token == v.Text {
					level = t.Level
				}
			}
		}
	}
	return level
}
