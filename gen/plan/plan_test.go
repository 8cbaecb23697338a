package plan_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
)

func planned(t testing.TB, ontology fstest.MapFS) (*plan.Plan, error) {
	t.Helper()
	source, err := load.Read(ontology)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build(source)
	if err != nil {
		t.Fatal(err)
	}
	return plan.New(m)
}

func shipped(t testing.TB) *plan.Plan {
	t.Helper()
	p, err := planned(t, gentest.Ontology(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func kind(t *testing.T, p *plan.Plan, word string) *plan.Kind {
	t.Helper()
	i := slices.IndexFunc(p.Kinds, func(k *plan.Kind) bool { return k.Word == word })
	if i < 0 {
		t.Fatalf("no kind %s", word)
	}
	return p.Kinds[i]
}

func TestFieldsHaveTheFormThatTheirTypeAsksFor(t *testing.T) {
	p := shipped(t)
	for _, c := range []struct{ kind, field, want string }{
		{"volume", "size", "int64"},
		{"volume", "mode", "VolumeMode"},
		{"volume", "storageIntent", "*StorageIntent"},
		{"volume", "used", "*int64"},
		{"volume", "attachedNode", "base.Ref"},
		{"volume", "lastSnapshotAt", "base.Time"},
		{"volume", "description", "*string"},
		{"container", "env", "map[string]EnvVar"},
		{"container", "mounts", "map[base.Ref]Mount"},
		{"container", "args", "[]string"},
		{"container", "tags", "map[string]string"},
		{"container", "replicas", "int64"},
		{"container", "nodes", "[]base.Ref"},
		{"secret", "value", "base.Sensitive"},
		{"secret", "data", "map[string]base.Sensitive"},
		{"group", "members", "[]base.Ref"},
	} {
		k := kind(t, p, c.kind)
		all := slices.Concat(k.Declared, k.Observed)
		i := slices.IndexFunc(all, func(f *plan.Field) bool { return f.Name == c.field })
		if i < 0 {
			t.Errorf("%s has no field %s", c.kind, c.field)
		} else if all[i].GoType != c.want {
			t.Errorf("%s.%s is %s, want %s", c.kind, c.field, all[i].GoType, c.want)
		}
	}
}

func TestRoutesFollowScopeAndOrigin(t *testing.T) {
	p := shipped(t)
	for word, want := range map[string]string{
		"volume": `GET /products/{product}/volumes listVolumes
GET /products/{product}/volumes/{name} getVolume
PUT /products/{product}/volumes/{name} putVolume
PATCH /products/{product}/volumes/{name} patchVolume
DELETE /products/{product}/volumes/{name} deleteVolume
`,
		"cluster": "GET / getCluster\nPUT / putCluster\nPATCH / patchCluster\n",
		"alert":   "GET /alerts listAlerts\nGET /alerts/{name} getAlert\n",
		"node": `GET /nodes listNodes
GET /nodes/{name} getNode
POST /nodes/{name}/trust trustNode
POST /nodes/{name}/drain drainNode
POST /nodes/{name}/uncordon uncordonNode
POST /nodes/{name}/remove removeNode
`,
	} {
		var b strings.Builder
		for _, r := range kind(t, p, word).Routes {
			fmt.Fprintln(&b, r.Method, r.Path, r.ID)
		}
		if b.String() != want {
			t.Errorf("routes of %s:\n%swant:\n%s", word, b.String(), want)
		}
	}
	ids := map[string]string{}
	for _, r := range p.Routes {
		if other := ids[r.ID]; other != "" {
			t.Errorf("%s is the operation id of %s and of %s", r.ID, other, r.Path)
		}
		ids[r.ID] = r.Path
	}
}

func TestEventsLeadUpThroughAbstractClasses(t *testing.T) {
	ready := kind(t, shipped(t), "container").EventOf("ResourceReady")
	if got := strings.Join(ready.Supers, " "); ready.Go != "ContainerReady" || got != "WorkloadReady ResourceReady Event" {
		t.Errorf("%s ⊑ %s", ready.Go, got)
	}
}

func TestKindsWithoutObservationsHaveNoneToReport(t *testing.T) {
	p := shipped(t)
	for word, want := range map[string]string{"config": "", "secret": "", "volume": "ObserveVolume", "node": "ObserveNode"} {
		if got := kind(t, p, word).Observe; got != want {
			t.Errorf("%s: observe command %q, want %q", word, got, want)
		}
	}
}

func TestPermissionsNameKindAndRight(t *testing.T) {
	p := shipped(t)
	for permission, want := range map[string]bool{
		"volume:read": true, "volume:write": true, "volume:delete": true, "volume:observe": true, "node:drain": true,
		"node:write": false, "cluster:delete": false, "alert:delete": false, "config:observe": false,
	} {
		if got := slices.Contains(p.Permissions, permission); got != want {
			t.Errorf("%s: %t, want %t", permission, got, want)
		}
	}
}

func TestTermsAreConstantsOfTheirOwn(t *testing.T) {
	constants, iris := map[string]bool{}, map[string]bool{}
	for _, term := range shipped(t).Terms {
		if constants[term.Const] || iris[term.IRI] {
			t.Errorf("%s = %s is there twice", term.Const, term.IRI)
		}
		constants[term.Const], iris[term.IRI] = true, true
	}
}

// A kind called "declare-thing" would take the name of a command of "thing".
func TestNamesOfGoNeverCollide(t *testing.T) {
	ontology := gentest.Ontology(t)
	gentest.Add(ontology, gentest.Kind{Name: "DeclareVolume", Word: "declare-volume"}.Turtle())
	_, err := planned(t, ontology)
	var problems load.Problems
	if !errors.As(err, &problems) || !strings.Contains(err.Error(), "DeclareVolume") {
		t.Errorf("error %v, want a collision of DeclareVolume", err)
	}
}
