package plan_test

import (
	"os"
	"strings"
	"testing"

	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
)

func shipped(t testing.TB) *plan.Plan {
	t.Helper()
	o, err := load.Read(os.DirFS("../../ontology"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build(o)
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNamesFollowGo(t *testing.T) {
	var b strings.Builder
	p := shipped(t)
	if err := p.Print(&b); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("PICLOUD_PRINT") != "" {
		t.Log(b.String())
	}
}
