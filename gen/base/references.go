package base

import (
	"slices"
	"strings"
)

// References gathers the declared references of one resource with their
// places. Values without a target are left out.
type References struct {
	From Ref // the resource: keys of maps are short from it
	List []Reference

	path []string
}

// Enter and Leave move the place one step down and up again.
func (r *References) Enter(step string) { r.path = append(r.path, step) }
func (r *References) Leave()            { r.path = r.path[:len(r.path)-1] }

// EnterKey enters a member of a map that is keyed by references.
func (r *References) EnterKey(key Ref, inBoth bool) { r.Enter(key.Short(r.From, inBoth)) }

// Add notes the reference of a field; about says all but place and target.
func (r *References) Add(field string, target Ref, about Reference) {
	if target == "" {
		return
	}
	about.Target = target
	about.Pointer = pointer(r.path, field)
	r.List = append(r.List, about)
}

// AddSet notes the references of a field that has several.
func (r *References) AddSet(field string, targets []Ref, about Reference) {
	for _, target := range targets {
		r.Add(field, target, about)
	}
}

// AddKey notes the reference that is the key of a map, at the member.
func (r *References) AddKey(key Ref, inBoth bool, about Reference) {
	r.Add(key.Short(r.From, inBoth), key, about)
}

// pointer writes a place as RFC 6901 does; an empty field is the place itself.
func pointer(path []string, field string) string {
	if field != "" {
		path = append(slices.Clip(path), field)
	}
	var b strings.Builder
	for _, step := range path {
		b.WriteByte('/')
		b.WriteString(escapePointer(step))
	}
	return b.String()
}
