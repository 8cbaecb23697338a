package iam

import (
	"fmt"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
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
func tokens() string { return collection(domain.KindToken) }

// KeepAuthority refuses what would leave the cluster without the authority that
// its nodes have their certificates from, or give it a second one.
func KeepAuthority(before, after *state.State, _ base.Time) error {
	if before.LastIn(authorities()) == after.LastIn(authorities()) {
		return nil
	}
	for entry := range after.List(authorities(), "") {
		if entry.Resource != nil && entry.Resource.Common().Ref != AuthorityRef {
			return &base.Error{Code: base.Conflict, Ref: entry.Resource.Common().Ref, Detail: fmt.Sprintf("a cluster has one certificate authority, %s", AuthorityRef)}
		}
	}
	if before.Get(AuthorityRef) != nil && after.Get(AuthorityRef) == nil {
		return &base.Error{Code: base.Conflict, Ref: AuthorityRef, Detail: "the nodes of the cluster have their certificates from it; it stays as long as the cluster"}
	}
	return nil
}

// KeepIdentities holds a node to the key that it was let in with, and a key to
// one node: who wants another key joins under another name, or after removal.
func KeepIdentities(before, after *state.State, _ base.Time) error {
	if before.LastIn(nodes()) == after.LastIn(nodes()) {
		return nil
	}
	owner := map[string]base.Ref{}
	for entry := range after.List(nodes(), "") {
		node, ok := entry.Resource.(*domain.Node)
		if !ok || node.Status.ID == "" {
			continue
		}
		if other := owner[node.Status.ID]; other != "" {
			return &base.Error{Code: base.Conflict, Ref: node.Ref, Detail: fmt.Sprintf("its key is that of %s", other), Resources: []base.Ref{other}}
		}
		owner[node.Status.ID] = node.Ref
		if former, _ := before.Get(node.Ref).(*domain.Node); former != nil && former.Status.ID != "" && former.Status.ID != node.Status.ID {
			return &base.Error{Code: base.Conflict, Ref: node.Ref, Detail: fmt.Sprintf("%s has another key; remove it first (picloud node remove), or take another name", node.Ref)}
		}
	}
	return nil
}

// KeepTicketsSingle refuses the second use of an enrolment token.
func KeepTicketsSingle(before, after *state.State, at base.Time) error {
	if before.LastIn(tickets()) == after.LastIn(tickets()) {
		return nil
	}
	for entry := range after.List(tickets(), "") {
		now, ok := entry.Resource.(*domain.EnrollmentToken)
		if !ok || now.Status.UsedAt == 0 {
			continue
		}
		was, _ := before.Get(now.Ref).(*domain.EnrollmentToken)
		if was == nil || was.Status.UsedAt == now.Status.UsedAt && was.Status.UsedBy == now.Status.UsedBy {
			continue
		}
		if was.Status.UsedAt != 0 || at >= was.Spec.ExpiresAt {
			return &base.Error{Code: base.Conflict, Ref: now.Ref, Detail: "the enrolment token was used or has expired; make another one (picloud node token)"}
		}
	}
	return nil
}

// tickets is the address of the enrolment tokens.
func tickets() string { return collection(domain.KindEnrollmentToken) }

// CheckAuthority judges a certificate authority that somebody declares: key and
// certificate belong together and can sign for the domain.
func CheckAuthority(domainName string) func(domain.Command, *base.Check) {
	return func(c domain.Command, check *base.Check) {
		declared, ok := c.(*domain.DeclareAuthority)
		if !ok || declared.Spec.SigningKey.Clear == nil {
			return
		}
		if _, err := readAuthority(AuthorityConfig{Domain: domainName}, []byte(declared.Spec.Certificate), declared.Spec.SigningKey.Clear); err != nil {
			check.Add("authority", signingKeyField, base.Ontology+"Authority-signingKey", "Key of the certificate", err.Error())
		}
	}
}
