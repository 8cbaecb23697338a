package desk_test

import (
	"context"
	"errors"
	"testing"

	"github.com/picloud/picloud/runtime/sparql/desk"
)

func TestWhatIsAsideTakesNoPlaceAndCanBeEnded(t *testing.T) {
	d := desk.New(desk.Config{Running: 1, Waiting: -1})
	ctx, leave, err := d.Aside(t.Context(), desk.Work{ID: "update", Caller: "/a", Kind: desk.Update})
	if err != nil {
		t.Fatal(err)
	}
	other := enter(t, d, "/b") // the only place is free
	if s, _ := d.Find("update"); s.State != desk.Aside || len(d.List()) != 2 {
		t.Errorf("it is %s among %d", s.State, len(d.List()))
	}
	if _, _, err := d.Aside(t.Context(), desk.Work{ID: "update"}); err == nil {
		t.Error("one id is aside twice")
	}
	other.Leave(nil)
	for range 2 {
		turn, err := d.Enter(ctx, desk.Work{ID: "update", Caller: "/a", Kind: desk.Update})
		if err != nil {
			t.Fatal(err)
		}
		if s, _ := d.Find("update"); s.State != desk.Running || len(d.List()) != 1 {
			t.Errorf("in its turn it is %s among %d", s.State, len(d.List()))
		}
		turn.Leave(nil)
	}
	turn, err := d.Enter(ctx, desk.Work{ID: "update", Caller: "/a"})
	if err != nil || !d.End("update", "/tokens/admin") {
		t.Fatal("it could not be ended:", err)
	}
	var ended *desk.Ended
	if !errors.As(context.Cause(turn.Context()), &ended) || !errors.As(context.Cause(ctx), &ended) {
		t.Error("who ended it ended a half of it")
	}
	turn.Leave(nil)
	leave()
	if d.End("update", "/tokens/admin") || len(d.List()) != 0 {
		t.Error("it is still there")
	}
}
