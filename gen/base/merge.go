package base

import "strconv"

// AppendValue writes a value as JSON, members in their order.
func AppendValue(b []byte, v *Value) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	switch v.Kind {
	case BoolValue:
		return strconv.AppendBool(b, v.Bool)
	case NumberValue:
		return append(b, v.Text...)
	case StringValue:
		return AppendString(b, v.Text)
	case ArrayValue:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = AppendValue(b, item)
		}
		return append(b, ']')
	case ObjectValue:
		b = append(b, '{')
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(AppendString(b, m.Name), ':')
			b = AppendValue(b, m.Value)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// MergePatch is the target after a patch (RFC 7396): members of the patch
// replace those of the target, objects member by member; null removes. Neither
// argument changes; the result shares their nodes, so that each node keeps the
// place where it was written. Either may be nil.
func MergePatch(target, patch *Value) *Value {
	if patch == nil {
		return target
	}
	if patch.Kind != ObjectValue {
		return patch
	}
	merged := &Value{Kind: ObjectValue, Line: patch.Line, Column: patch.Column}
	kept := map[string]*Value{}
	if target != nil && target.Kind == ObjectValue {
		kept = index(target)
		changes := make(map[string]*Member, len(patch.Members))
		for _, m := range patch.Members {
			changes[m.Name] = m
		}
		for _, m := range target.Members {
			if change := changes[m.Name]; change == nil {
				merged.Members = append(merged.Members, m)
			} else if change.Value.Kind != NullValue {
				merged.Members = append(merged.Members, mergeMember(change, m.Value))
			}
		}
	}
	for _, m := range patch.Members {
		if _, ok := kept[m.Name]; !ok && m.Value.Kind != NullValue {
			merged.Members = append(merged.Members, mergeMember(m, nil))
		}
	}
	return merged
}

func mergeMember(patch *Member, target *Value) *Member {
	return &Member{Name: patch.Name, Line: patch.Line, Column: patch.Column, Value: MergePatch(target, patch.Value)}
}

// EqualValues reports whether two values say the same: the order of members
// and places do not count, and a member that is null counts as absent. Numbers
// are compared as written.
func EqualValues(a, b *Value) bool {
	if isAbsent(a) || isAbsent(b) {
		return isAbsent(a) && isAbsent(b)
	}
	if a.Kind != b.Kind || a.Text != b.Text || a.Bool != b.Bool || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Items {
		if !EqualValues(a.Items[i], b.Items[i]) {
			return false
		}
	}
	if a.Kind != ObjectValue {
		return true
	}
	return len(DiffValues(a, b)) == 0
}

func isAbsent(v *Value) bool { return v == nil || v.Kind == NullValue }

// Change is one difference between two values. Before is nil for what was
// added, After for what was removed.
type Change struct {
	Pointer       string // RFC 6901
	Before, After *Value
}

// DiffValues lists what turns one value into another, in the order of the
// members of the later one, then what is gone. Objects are compared member by
// member, lists and sets as a whole. Either value may be nil.
func DiffValues(before, after *Value) []Change {
	return appendDiff(nil, "", before, after)
}

func appendDiff(changes []Change, pointer string, before, after *Value) []Change {
	if isAbsent(before) && isAbsent(after) {
		return changes
	}
	if isAbsent(before) || isAbsent(after) || before.Kind != ObjectValue || after.Kind != ObjectValue {
		if !isAbsent(before) && !isAbsent(after) && EqualValues(before, after) {
			return changes
		}
		return append(changes, Change{pointer, present(before), present(after)})
	}
	was, is := index(before), index(after)
	for _, m := range after.Members {
		changes = appendDiff(changes, pointer+"/"+escapePointer(m.Name), was[m.Name], m.Value)
	}
	for _, m := range before.Members {
		if _, ok := is[m.Name]; !ok {
			changes = appendDiff(changes, pointer+"/"+escapePointer(m.Name), m.Value, nil)
		}
	}
	return changes
}

func present(v *Value) *Value {
	if isAbsent(v) {
		return nil
	}
	return v
}

func index(v *Value) map[string]*Value {
	members := make(map[string]*Value, len(v.Members))
	for _, m := range v.Members {
		members[m.Name] = m.Value
	}
	return members
}
