package domain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/expr"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/payload"
	"github.com/picloud/picloud/gen/plan"
)

// payloads writes the events.
func payloads(f *gocode.File, k *plan.Kind) {
	var types []gocode.Member
	for _, e := range payload.All(k) {
		f.Doc(e.Go + ": " + lower(e.Comment))
		f.Struct(e.Go, payloadMembers(k, e))
		types = append(types, gocode.Member{Name: e.Const, Type: fmt.Sprintf("%q", e.Name)})
	}
	f.Doc("The types of events of " + k.GoPlural + ".")
	f.Consts("EventType", types)
	for _, e := range payload.All(k) {
		f.Go("func (*%s) Kind() Kind { return %s }", e.Go, k.Const)
		f.Go("func (*%s) Type() EventType { return %s }", e.Go, e.Const)
		f.Line()
	}
}

func payloadMembers(k *plan.Kind, e *plan.Event) (m []gocode.Member) {
	if payload.Carries(e, "of") {
		m = append(m, gocode.Member{Name: "Of", Type: "base.Position", Doc: "Revision that was acted on."})
	}
	if payload.Carries(e, "reason") {
		m = append(m, gocode.Member{Name: "Reason", Type: "string"})
	}
	if e.Declaration {
		m = append(m, gocode.Member{Name: "Spec", Type: k.Spec})
	}
	if e.Dataset {
		m = append(m, datasetMembers()...)
	}
	m = append(m, members(payload.Extra(e))...)
	observed := e.Observation && len(payload.Observable(k)) > 0
	if observed {
		m = append(m, gocode.Member{Name: "Status", Type: k.Status})
	}
	if e.Declaration && payload.ListsChanges(e) || observed && !e.Begins {
		m = append(m, gocode.Member{Name: "Changed", Type: "[]string", Doc: "Pointers to what differs."})
	}
	return m
}

// fold writes what events do to state.
func fold(f *gocode.File, k *plan.Kind, events payload.Of) {
	const r = "now"
	begin := events.Begin
	f.Func(fmt.Sprintf("evolve%s(%s *%s, e *Event) (*%s, error)", k.Go, r, k.Go, k.Go), func(b *gocode.Block) {
		birthday := "p, ok"
		if !reads(k, begin) {
			birthday = "_, ok"
		}
		b.If(birthday+" := e.Payload.(*"+begin.Go+"); ok", func(b *gocode.Block) {
			refuse(b, r+" != nil", "unfoldable(e, %q)", "it exists already")
			birth(b, k, begin)
		})
		for _, e := range events.Own {
			if e.Begins {
				b.If("p, ok := e.Payload.(*"+e.Go+"); ok && "+r+" == nil", func(b *gocode.Block) { birth(b, k, e) })
			}
		}
		refuse(b, r+" == nil", "unfoldable(e, %q)", "it does not exist")
		b.Do("next := *%s", r)
		moving := "e.Payload.(type)"
		if slices.ContainsFunc(payload.All(k), func(e *plan.Event) bool { return !e.Begins && reads(k, e) }) {
			moving = "p := " + moving
		}
		b.Switch(moving, func(b *gocode.Block) {
			for _, e := range payload.All(k) {
				if e == begin {
					continue
				}
				b.Case("*"+e.Go, func(b *gocode.Block) { move(b, k, e) })
			}
			b.Case("", func(b *gocode.Block) { b.Do("return nil, unfoldable(e, %q)", "its type is unknown to this release") })
		})
		b.Do("return &next, nil")
	})
}

// reads reports whether the fold of an event reads its payload.
func reads(k *plan.Kind, e *plan.Event) bool {
	return !e.Ends && (e.Declaration || e.Dataset || payload.Carries(e, "reason") || len(payload.Extra(e)) > 0 ||
		e.Observation && len(payload.Observable(k)) > 0)
}

// waiting is the reason of a fresh resource.
func waiting(k *plan.Kind) string {
	if k.Lifecycle == base.Reconciled && !k.Reconciler {
		return "noReconciler"
	}
	return `""`
}

func birth(b *gocode.Block, k *plan.Kind, e *plan.Event) {
	parts := []string{fmt.Sprintf("Head: born(e, %s, %s)", e.To.Go, waiting(k))}
	if e.Declaration {
		parts = append(parts, "Spec: p.Spec")
	}
	if e.Observation && len(payload.Observable(k)) > 0 {
		parts = append(parts, "Status: p.Status")
	}
	if quads := quadsOf(k); quads != nil {
		parts = append(parts, fmt.Sprintf("Status: %s{%s: new(int64(0))}", k.Status, quads.Go))
	}
	stamps := payload.Stamped(k)
	if len(stamps) == 0 && len(e.Sets) == 0 {
		b.Do("return &%s{%s}, nil", k.Go, strings.Join(parts, ", "))
		return
	}
	b.Do("next := &%s{%s}", k.Go, strings.Join(parts, ", "))
	for _, f := range stamps {
		var tests []string
		for _, name := range f.StampedBy {
			tests = append(tests, expr.Given(field(k.Declared, name), "p.Spec"))
		}
		b.If(strings.Join(tests, " || "), func(b *gocode.Block) { b.Do("next.Status.%s = e.Time", f.Go) })
	}
	sets(b, e)
	b.Do("return next, nil")
}

// move writes what one event does to a resource that exists.
func move(b *gocode.Block, k *plan.Kind, e *plan.Event) {
	const r = "now"
	if e.Ends {
		b.Do("return nil, nil")
		return
	}
	reason := `""`
	if payload.Carries(e, "reason") {
		reason = "p.Reason"
	}
	switch {
	case e.Declaration:
		b.Do("next.Head, next.Spec = %s.declared(e, %s, %s), p.Spec", r, k.Initial.Go, waiting(k))
		for _, f := range payload.Stamped(k) {
			var tests []string
			for _, name := range f.StampedBy {
				tests = append(tests, fmt.Sprintf("slices.Contains(p.Changed, %q)", "/"+name))
			}
			b.If(strings.Join(tests, " || "), func(b *gocode.Block) { b.Do("next.Status.%s = e.Time", f.Go) })
		}
	case e.To != nil:
		b.Do("next.Head = %s.moved(e, %s, %s)", r, e.To.Go, reason)
	default:
		b.Do("next.Head = %s.observed(e)", r)
		if payload.Carries(e, "reason") {
			b.Do("next.Reason = p.Reason")
		}
	}
	if e.Observation && !e.Begins && len(payload.Observable(k)) > 0 {
		b.Do("next.Status.assign(&p.Status)")
	}
	if e.Dataset {
		b.Do("next.Status.%s = new(p.Quads)", quadsOf(k).Go)
	}
	for _, f := range payload.Extra(e) {
		b.Do("next.Status.%s = p.%s", f.Go, f.Go)
	}
	sets(b, e)
}

func sets(b *gocode.Block, e *plan.Event) {
	for _, a := range e.Sets {
		if a.Field.Pointer {
			b.Do("next.Status.%s = new(%s)", a.Field.Go, constant(a))
			continue
		}
		b.Do("next.Status.%s = %s", a.Field.Go, a.Go)
	}
}
