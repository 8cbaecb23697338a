package iam

import (
	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/state"
)

// KeepAdministrator refuses what would leave nobody who may change anything: at
// least one administrator's token stays valid.
func KeepAdministrator(before, after *state.State, at base.Time) error {
	if before.LastIn(tokens()) == after.LastIn(tokens()) {
		return nil
	}
	last := administrator(before, at)
	if last == nil || administrator(after, at) != nil {
		return nil
	}
	return &base.Error{
		Code: base.Conflict, Ref: last.Ref,
		Detail: "no valid token of an administrator would remain, and nobody could change anything; make another one first (picloud token create NAME --role admin)",
	}
}

// HasAdministrator reports whether some administrator's token is valid.
func HasAdministrator(s *state.State, at base.Time) bool { return administrator(s, at) != nil }

// administrator is one whose token is valid, or nil.
func administrator(s *state.State, at base.Time) *domain.Token {
	for entry := range s.List(tokens(), "") {
		if token, ok := entry.Resource.(*domain.Token); ok && token.Spec.Role == domain.TokenRoleAdmin && !expired(token, at) {
			return token
		}
	}
	return nil
}

func expired(t *domain.Token, at base.Time) bool {
	return t.Spec.ExpiresAt != 0 && at >= t.Spec.ExpiresAt
}

// tokens is the address of their collection.
func tokens() string { return "/" + schema.Model.Kind(string(domain.KindToken)).Segment }
