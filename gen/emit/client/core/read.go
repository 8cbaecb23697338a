package client

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
)

// read turns a resource as the server shows it into its type. Members that a
// newer server adds are left alone.
func read[R domain.Resource](root string, v *base.Value) (resource R, err error) {
	class := schema.Model.Kind(textOf(v, "kind"))
	if class == nil {
		return resource, unreadable("the answer describes no resource of a known kind")
	}
	s := storer{base.Decoder{Model: schema.Model, Root: root}}
	ref := s.link(v.Get("iri"))
	_, address, violation := schema.Model.AddressOf(ref)
	if violation != nil {
		return resource, unreadable(violation.Message)
	}
	s.Address = address
	s.object(class, v, false)
	if status := v.Get("status"); status != nil {
		s.object(class, status, true)
	}
	d := base.Decoder{Stored: true}
	decoded := codec.DecodeResource(&d, v)
	if all := append(s.Violations, d.Violations...); len(all) > 0 {
		return resource, unreadable(all[0].String())
	}
	resource, ok := decoded.(R)
	if !ok {
		return resource, unreadable(fmt.Sprintf("the answer is %s at %s", class.Word, ref))
	}
	return resource, nil
}

func unreadable(why string) error {
	return &base.Error{Code: base.Internal, Detail: why + "; the server may be of another release than this client"}
}

func textOf(v *base.Value, name string) string {
	if m := v.Get(name); m != nil {
		return m.Text
	}
	return ""
}

// storer turns answers into the form that is stored, in place: addresses from
// the root, keys of maps whole. The codec reads that form exactly.
type storer struct{ base.Decoder }

// link makes an address relative to the root of the cluster.
func (s *storer) link(v *base.Value) base.Ref {
	if v == nil || v.Kind != base.StringValue {
		return ""
	}
	ref := s.Link(v)
	v.Text = string(ref)
	return ref
}

func (s *storer) object(class *base.Class, v *base.Value, observed bool) {
	for m := range s.Members(v) {
		f := class.Field(m.Name)
		if f == nil || class.Kind && f.Observed != observed {
			continue
		}
		if f.Form == base.Map {
			s.keys(f, m.Value)
			for entry := range s.Members(m.Value) {
				s.value(f, entry.Value)
			}
			continue
		}
		s.value(f, m.Value)
	}
}

// keys makes the names of a map that is keyed by references whole.
func (s *storer) keys(f *base.Field, v *base.Value) {
	key := s.Model.Class(f.Object).Field(f.Key)
	if key == nil || key.Type != base.TypeRef {
		return
	}
	for m := range s.Members(v) {
		m.Name = string(s.KeyRef(m, key.Target, key.Shape))
	}
}

func (s *storer) value(f *base.Field, v *base.Value) {
	switch {
	case v.Kind == base.ArrayValue:
		for _, item := range v.Items {
			s.value(f, item)
		}
	case f.Type == base.TypeRef:
		s.link(v)
	case f.Type == base.TypeObject && f.Value == "":
		s.object(s.Model.Class(f.Object), v, false)
	case f.Type == base.TypeObject:
		s.value(s.Model.Class(f.Object).Field(f.Value), v)
	}
}
