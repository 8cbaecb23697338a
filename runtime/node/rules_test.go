package node_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/iam"
	"github.com/picloud/picloud/runtime/node"
)

// administrator declares a token that nobody has; expires 0 is never.
func administrator(name string, expires base.Time) *domain.DeclareToken {
	return &domain.DeclareToken{Ref: base.Ref("/tokens/" + name), Spec: domain.TokenSpec{
		Role: domain.TokenRoleAdmin, Digest: iam.Digest(name), ExpiresAt: expires,
	}}
}

func TestLastVoterIsNotRemoved(t *testing.T) {
	w := open(t, t.TempDir())
	refusal := w.refused(base.Conflict, request(&domain.RemoveNode{Ref: "/nodes/pi-1"}))
	if !strings.Contains(refusal.Detail, "leads the cluster") {
		t.Errorf("it says %s", refusal.Detail)
	}
	w.refused(base.Conflict, request(product("photo"), &domain.RemoveNode{Ref: "/nodes/pi-1"}))
	w.refused(base.Invalid, request(&domain.RemoveNode{Ref: "/nodes/pi-1"}, &domain.RemoveNode{Ref: "/nodes/pi-1"}))
}

func TestNodeThatDoesNotVoteIsRemoved(t *testing.T) {
	w := open(t, t.TempDir())
	platform := func(c domain.Command) {
		r := request(c)
		r.Principal = command.Principal{Actor: "/nodes/pi-1", Role: command.Platform}
		w.ask(r)
	}
	platform(&domain.EnrollNode{Ref: "/nodes/pi-2", Status: domain.NodeStatus{Hostname: "pi-2"}})
	w.do(&domain.RemoveNode{Ref: "/nodes/pi-2"})
	platform(&domain.EndNode{Ref: "/nodes/pi-2"})
	if w.get("/nodes/pi-2") != nil {
		t.Error("it is still there")
	}
}

func TestLastAdministratorStaysHoweverItIsAsked(t *testing.T) {
	w := open(t, t.TempDir())
	past := base.TimeOf(time.Now().Add(-time.Hour))
	w.do(administrator("old", past), &domain.DeclareToken{Ref: "/tokens/reader", Spec: domain.TokenSpec{Role: domain.TokenRoleRead, Digest: iam.Digest("reader")}})

	revoke := &domain.DeleteToken{Ref: "/tokens/admin"}
	refusal := w.refused(base.Conflict, request(revoke))
	if refusal.Ref != "/tokens/admin" || !strings.Contains(refusal.Detail, "make another one first") {
		t.Errorf("it says %+v", refusal)
	}
	w.refused(base.Conflict, request(administrator("late", past), revoke)) // the other one is no use

	ended := w.get("/tokens/admin").(*domain.Token).Spec
	ended.ExpiresAt = past
	w.refused(base.Conflict, request(&domain.DeclareToken{Ref: "/tokens/admin", Spec: ended}))

	deployed := administrator("deployed", 0)
	deployed.Deployment = "ops"
	apply := request(deployed)
	apply.Deployment, apply.Apply = "ops", &command.Apply{Deployment: "ops"}
	w.ask(apply)
	w.do(revoke)
	prune := request(product("photo"))
	prune.Deployment, prune.Apply = "ops", &command.Apply{Deployment: "ops", Prune: true}
	if refusal := w.refused(base.Conflict, prune); refusal.Ref != "/tokens/deployed" {
		t.Errorf("it says %+v", refusal)
	}
}

func TestOwnerGetsBackInWhenEveryAdministratorExpired(t *testing.T) {
	var later atomic.Int64
	cfg := config(t.TempDir())
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	w := &whole{t: t, dir: cfg.Dir}
	reopen := func() {
		w.close()
		n, err := node.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.Node = n
	}
	defer w.close()
	reopen()
	old := w.AdminToken()
	soon := w.get("/tokens/admin").(*domain.Token).Spec
	soon.ExpiresAt = base.TimeOf(time.Now().Add(time.Hour))
	w.do(&domain.DeclareToken{Ref: "/tokens/admin", Spec: soon})
	reopen()
	if w.AdminToken() != old {
		t.Error("a valid token was replaced")
	}
	later.Store(int64(2 * time.Hour))
	reopen()
	if _, err := w.Door().Authenticate(old); err == nil {
		t.Error("the expired token opens again")
	}
	fresh := w.AdminToken()
	who, err := w.Door().Authenticate(fresh)
	if err != nil || who.Role != command.Admin || who.Actor != "/tokens/admin-2" {
		t.Errorf("the new token belongs to %+v: %v", who, err)
	}
	reopen()
	if w.AdminToken() != fresh {
		t.Error("a second start made yet another token")
	}
}

// What a product says in its vocabularies and shapes is about its own terms.
func TestProductsDoNotRedefineTermsOfOthers(t *testing.T) {
	w := open(t, t.TempDir())
	w.do(product("photo"))
	declare := func(turtle string) *domain.DeclareOntology {
		return &domain.DeclareOntology{Ref: "/products/photo/ontologies/photos", Spec: domain.OntologySpec{Content: turtle}}
	}
	for turtle, want := range map[string]string{
		"<#Photo> a <http://www.w3.org/2000/01/rdf-schema#Class> .\n  <https://picloud.local/ontology#Volume> <#is> <#Photo> .": "content:2:3: <https://picloud.local/ontology#Volume> belongs to the platform",
		"</groups/admins> <#has> <#me> .":                  "content:1:1: <https://picloud.local/groups/admins> belongs to the cluster",
		"</products/shop/ontologies/s#C> <#is> <#Photo> .": "belongs to another product",
		"<#S> <http://www.w3.org/ns/shacl#minCount> 1 .":   "content:1:44: sh:minCount stands at the node shape",
		"<#S> a": "content:1:",
	} {
		refusal := w.refused(base.Invalid, request(declare(turtle)))
		if len(refusal.Violations) != 1 || refusal.Violations[0].Pointer != "/content" || !strings.Contains(refusal.Violations[0].Message, want) {
			t.Errorf("%s\n got %+v\nwant %s", turtle, refusal.Violations, want)
		}
	}
	w.do(&domain.DeclareCapability{Ref: "/capabilities/search", Spec: domain.CapabilitySpec{Version: "1.0.0", Ontology: "<#Image> a <http://www.w3.org/2000/01/rdf-schema#Class> ."}})
	w.refused(base.Invalid, request(&domain.DeclareCapability{Ref: "/capabilities/search", Spec: domain.CapabilitySpec{Version: "1.0.0", Ontology: "<printing#Print> <#is> <#Image> ."}}))
	w.do(declare("<#Photo> a <http://www.w3.org/2000/01/rdf-schema#Class> ; <http://www.w3.org/2000/01/rdf-schema#subClassOf> <https://picloud.local/ontology#Resource> ."))
}

// A new field of Turtle has to be judged too.
func TestEveryFieldOfTurtleIsJudged(t *testing.T) {
	var fields []string
	for _, class := range schema.Model.Classes {
		for _, f := range class.Fields {
			if f.Scalar == "TurtleText" {
				fields = append(fields, class.Word+" "+f.Name)
			}
		}
	}
	slices.Sort(fields)
	want := []string{"capability ontology", "capability shapes", "data-domain shapes", "data-product ontology", "data-product shapes", "ontology content"}
	if !slices.Equal(fields, want) {
		t.Errorf("the fields of Turtle are %v, and keepToOwnTerms judges %v", fields, want)
	}
}
