package model_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/gentest"
	"github.com/picloud/picloud/gen/load"
	"github.com/picloud/picloud/gen/model"
	"github.com/picloud/picloud/gen/plan"
)

// TestDamagedOntologyIsRefusedOrPlanned drops or spoils one statement after
// the other. Whatever is left is either told as problems with places or is a
// model that can be planned; nothing panics. PICLOUD_LONG=1 tries more of them.
func TestDamagedOntologyIsRefusedOrPlanned(t *testing.T) {
	source, err := load.Read(gentest.Ontology(t))
	if err != nil {
		t.Fatal(err)
	}
	step := 61
	if os.Getenv("PICLOUD_LONG") != "" {
		step = 7
	}
	damages := []func(s *load.Statement){
		nil, // drop it
		func(s *load.Statement) { s.O = base.Typed("x", base.XSDString) },
		func(s *load.Statement) { s.O = base.IRI(base.Ontology + "Nothing") },
		func(s *load.Statement) { s.O = base.Blank("none") },
		func(s *load.Statement) { s.O = base.Integer(-1) },
		func(s *load.Statement) { s.S = base.IRI(base.Ontology + "Volume") },
	}
	n := 0
	for i := range source.Files {
		whole := source.Files[i].Statements
		for j := range whole {
			if n++; n%step != 0 {
				continue
			}
			for d, damage := range damages {
				spoilt := slices.Clone(whole)
				if damage == nil {
					spoilt = slices.Delete(spoilt, j, j+1)
				} else {
					damage(&spoilt[j])
				}
				source.Files[i].Statements = spoilt
				judge(t, source, whole[j], d)
			}
		}
		source.Files[i].Statements = whole
	}
}

func judge(t *testing.T, source *load.Ontology, s load.Statement, damage int) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: damage %d of %v: %v", s.Subject, damage, s.Triple, r)
		}
	}()
	m, err := model.Build(source)
	if err == nil {
		_, err = plan.New(m)
	}
	var problems load.Problems
	if err != nil && !errors.As(err, &problems) {
		t.Errorf("%s: damage %d: %v", s.Subject, damage, err)
	}
}
