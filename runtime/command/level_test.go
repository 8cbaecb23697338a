package command_test

import (
	"errors"
	"testing"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/membership"
)

// TestFieldOfALaterLevelWaitsForIt: with a model in which the description came with
// level 2, a declaration that gives one is refused, and one without is not.
func TestFieldOfALaterLevelWaitsForIt(t *testing.T) {
	n, _ := start(t)
	later := *schema.Model
	classes := make([]*base.Class, len(later.Classes))
	for i, c := range later.Classes {
		copied := *c
		copied.Fields = nil
		for _, f := range c.Fields {
			field := *f
			if f.Name == "description" && c.Name == "Product" {
				field.Level = 2
			}
			copied.Fields = append(copied.Fields, &field)
		}
		classes[i] = &copied
	}
	door := command.New(command.Config{
		Model: base.NewModel(classes, later.Enums, later.Scalars), Root: n.Root(), Consensus: n.Consensus(), Views: n.Views(),
		Gate: (&membership.Loop{}).Gate, Level: 2,
	})
	defer door.Close()
	declare := func(spec domain.ProductSpec) error {
		_, err := door.Do(t.Context(), request(&domain.DeclareProduct{Ref: "/products/photo", Spec: spec}))
		return err
	}
	var refused *base.Error
	if err := declare(domain.ProductSpec{Version: "1.0.0", Description: new("Photos")}); !errors.As(err, &refused) || refused.Code != base.Unavailable {
		t.Errorf("a field that other nodes do not know was answered with %v", err)
	}
	if n.Views().View().State.Get("/products/photo") != nil {
		t.Error("it was declared all the same")
	}
	if err := declare(domain.ProductSpec{Version: "1.0.0"}); err != nil {
		t.Errorf("what every node knows is refused: %v", err)
	}
}
