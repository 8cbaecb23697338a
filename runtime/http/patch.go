package http

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
)

// patchRepeats is how often a patch is made again because another change came
// between.
const patchRepeats = 16

func (s *Server) patch(w http.ResponseWriter, r *http.Request, kind domain.Kind, ref base.Ref) error {
	if err := s.mayWrite(r, kind, ref); err != nil {
		return err
	}
	data, _, err := readBody(w, r, resourceBytes, mediaMergePatch)
	if err != nil {
		return err
	}
	patch, err := readJSON(data)
	if err != nil {
		return err
	}
	if patch.Kind != base.ObjectValue {
		return &base.Error{Code: base.Invalid, Ref: ref, Detail: "a merge patch of a resource is an object", Violations: []base.Violation{
			{ID: "type", Message: "the patch must be an object", Expected: "object", Line: patch.Line, Column: patch.Column},
		}}
	}
	if err := s.door.MayRead(principalOf(r), kind, ref); err != nil {
		return err
	}
	q, err := s.request(r, data)
	if err == nil {
		err = preconditions(r, q)
	}
	if err != nil {
		return err
	}
	conditional := q.If.Absent || q.If.Exists || len(q.If.Revisions) > 0
	for attempt := 0; ; attempt++ {
		c, answer, err := s.tryPatch(r, q, kind, ref, patch, conditional)
		var refused *base.Error
		if !conditional && attempt < patchRepeats && errors.As(err, &refused) && refused.Code == base.Stale {
			continue // changed since it was read; the client set no condition, so patch what is there now
		}
		if err != nil {
			return err
		}
		return s.result(w, r, c, answer)
	}
}

// tryPatch patches a resource as it is now, on condition that it stays so.
func (s *Server) tryPatch(r *http.Request, q *command.Request, kind domain.Kind, ref base.Ref, patch *base.Value, conditional bool) (domain.Command, command.Answer, error) {
	entry, ok := s.views.State().Entry(ref)
	if !ok || entry.Resource.Kind() != kind {
		return nil, command.Answer{}, &base.Error{Code: base.NotFound, Ref: ref, Detail: fmt.Sprintf("there is no %s at %s", kind, ref)}
	}
	c, err := s.patched(kind, ref, entry.Resource, patch)
	if err != nil {
		return nil, command.Answer{}, err
	}
	q.Commands = []domain.Command{c}
	if !conditional {
		q.If.Revisions = []base.Position{entry.Resource.Common().Revision}
	}
	answer, err := s.door.Do(r.Context(), q)
	return c, answer, err
}

// patched is the declaration that a patch leads to.
func (s *Server) patched(kind domain.Kind, ref base.Ref, before domain.Resource, patch *base.Value) (domain.Command, error) {
	d := s.decoder(kind, ref)
	d.Patch = patch
	for _, f := range schema.Model.Kind(string(kind)).Fields {
		change := patch.Get(f.Name)
		if change != nil && f.Sensitive && change.Kind == base.ObjectValue && f.Form == base.Map {
			// what is kept cannot be read, so there is nothing to merge with
			d.Add("sensitive", f.Name, f.Shape, "", f.Name+" is write-only and cannot be patched in parts; PUT it whole")
		}
	}
	if patch.Get("status") != nil {
		d.Add("observed", "status", "", "", "status is observed, not declared; leave it out of a patch")
	}
	if len(d.Violations) > 0 {
		return nil, validated(nil, d, patch)
	}
	e := base.Encoder{Root: s.root}
	codec.AppendResource(&e, before)
	now, fault := base.ReadJSON(e.Buffer, base.Limits{Bytes: len(e.Buffer) + 1})
	if fault != nil {
		return nil, fmt.Errorf("reading back %s: %w", ref, fault)
	}
	body := base.MergePatch(now, patch)
	c := codec.DecodeDeclare(d, kind, body, "")
	return c, validated(c, d, patch)
}
