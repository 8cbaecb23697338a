package node_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
)

// deployment is the request to apply resources as a whole.
func deployment(name string, commands ...domain.Command) *command.Request {
	r := request(commands...)
	r.Deployment = name
	r.Apply = &command.Apply{Deployment: name}
	return r
}

func actions(p *command.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s\n", s.Action, s.Ref)
	}
	return b.String()
}

func TestPlanSaysWhatApplyDoes(t *testing.T) {
	w := open(t, t.TempDir())
	w.ask(deployment("photo", product("photo"), volume("photo", "media", 1<<30), volume("photo", "old", 1<<30), secret("photo", "db", "x")))
	again := func() *command.Request {
		r := deployment("photo", product("photo"), volume("photo", "media", 2<<30), secret("photo", "db", "y"), volume("photo", "new", 1<<30))
		r.Apply.Prune, r.DeleteData = true, true
		return r
	}
	plan := again()
	plan.Apply.DryRun = true
	before := w.position()
	planned := w.ask(plan)
	want := "none /products/photo\nchange /products/photo/volumes/media\nchange /products/photo/secrets/db\ncreate /products/photo/volumes/new\ndelete /products/photo/volumes/old\n"
	if got := actions(planned.Plan); got != want || w.position() != before {
		t.Fatalf("planned:\n%swant:\n%s", got, want)
	}
	size := planned.Plan.Steps[1].Fields
	if len(size) != 1 || size[0].Pointer != "/size" || size[0].Before.Text != "1073741824" || size[0].After.Text != "2147483648" {
		t.Errorf("the change of the size is %+v", size)
	}
	value := planned.Plan.Steps[2].Fields
	if len(value) == 0 || value[0].Pointer != "/value" || value[0].Before != nil || value[0].After != nil {
		t.Errorf("the change of the secret is %+v", value)
	}
	exactly := again()
	exactly.Apply.If = &planned.Plan.Digest
	w.do(volume("photo", "media", 3<<30)) // somebody was faster
	w.refused(base.Stale, exactly)
	plan = again()
	plan.Apply.DryRun = true
	planned = w.ask(plan)
	exactly = again()
	exactly.Apply.If = &planned.Plan.Digest
	if answer := w.ask(exactly); answer.Events != 4 || actions(answer.Plan) != want {
		t.Errorf("applied %d events:\n%s", answer.Events, actions(answer.Plan))
	}
	before = w.position()
	if answer := w.ask(again()); answer.Events != 0 || w.position() != before {
		t.Errorf("applied again: %+v", answer)
	}
	w.verified()
}

func TestProductHappensBeforeWhatBelongsToIt(t *testing.T) {
	w := open(t, t.TempDir())
	answer := w.ask(deployment("photo", volume("photo", "b", 1<<30), volume("photo", "a", 1<<30), product("photo")))
	first := w.get("/products/photo").Common().Revision
	for i, name := range []string{"b", "a"} {
		if got, want := w.get(base.Ref("/products/photo/volumes/"+name)).Common().Revision, first+base.Position(i)+1; got != want {
			t.Errorf("%s happened at %d, want %d: behind the product and as listed", name, got, want)
		}
	}
	if got := answer.Plan.Steps[0].Ref; got != "/products/photo" {
		t.Errorf("the plan begins with %s", got)
	}
}

func TestDeploymentsKeepToTheirOwn(t *testing.T) {
	w := open(t, t.TempDir())
	w.ask(deployment("one", product("photo"), volume("photo", "media", 1<<30)))
	other := deployment("two", volume("photo", "media", 2<<30))
	if refusal := w.refused(base.Conflict, other); !strings.Contains(refusal.Detail, "take-over=true (--take-over)") {
		t.Errorf("it says %s", refusal.Detail)
	}
	other.Apply.TakeOver = true
	w.ask(other)
	if got := w.get("/products/photo/volumes/media").Common().Deployment; got != "two" {
		t.Errorf("the volume belongs to %q", got)
	}
	prune := deployment("one", product("photo"))
	prune.Apply.Prune = true
	w.ask(prune) // does not touch what is now of another deployment
	if w.get("/products/photo/volumes/media") == nil {
		t.Error("pruning took what belongs to another deployment")
	}
	empty := deployment("two", product("other"))
	empty.Apply.Prune = true
	refusal := w.refused(base.Conflict, empty)
	if !strings.Contains(refusal.Detail, "delete-data=true (--delete-data)") {
		t.Errorf("it says %s", refusal.Detail)
	}
	if len(refusal.Resources) != 1 {
		t.Errorf("pruning would destroy %v", refusal.Resources)
	}
}

func TestRefusedDeploymentAppliesNothing(t *testing.T) {
	w := open(t, t.TempDir())
	refusal := w.refused(base.Invalid, deployment("photo", product("photo"), container("photo", "api", "/products/photo/volumes/none")))
	if len(refusal.Violations) != 1 || !strings.HasPrefix(refusal.Violations[0].Pointer, "/resources/1/mounts/") {
		t.Errorf("violations: %+v", refusal.Violations)
	}
	if w.get("/products/photo") != nil {
		t.Error("half a deployment was applied")
	}
}

func TestDeploymentIsBounded(t *testing.T) {
	w := open(t, t.TempDir())
	commands := []domain.Command{product("photo")}
	for i := range command.MaxResources {
		commands = append(commands, volume("photo", fmt.Sprintf("v%d", i), 1<<30))
	}
	w.refused(base.TooLarge, deployment("photo", commands...))
	if answer := w.ask(deployment("photo", commands[:command.MaxResources]...)); answer.Events != command.MaxResources {
		t.Errorf("%d events", answer.Events)
	}
	w.verified()
}
