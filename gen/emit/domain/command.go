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

// command writes what every command has.
func command(f *gocode.File, k *plan.Kind, name, permission, validate string, sealed []*plan.Field) {
	f.Go("func (*%s) Kind() Kind { return %s }", name, k.Const)
	f.Go("func (c *%s) Subject() base.Ref { return c.Ref }", name)
	f.Go("func (*%s) Permission() string { return %q }", name, permission)
	if validate == "" {
		f.Go("func (*%s) Validate(*base.Check) {}", name)
	} else {
		f.Func(fmt.Sprintf("(c *%s) Validate(check *base.Check)", name), func(b *gocode.Block) {
			b.Do("check.Resource = c.Ref")
			b.Do("%s", validate)
		})
	}
	if len(sealed) == 0 {
		f.Go("func (*%s) Sensitive(func(string, *base.Sensitive)) {}", name)
		f.Line()
		return
	}
	f.Line()
	f.Doc("Sensitive visits the values to seal.")
	f.Func(fmt.Sprintf("(c *%s) Sensitive(visit func(field string, value *base.Sensitive))", name), func(b *gocode.Block) {
		for _, field := range sealed {
			if field.Form == base.Single {
				b.Do("visit(%q, &c.Spec.%s)", field.Name, field.Go)
				continue
			}
			b.For("key, value := range base.Sorted(c.Spec."+field.Go+")", func(b *gocode.Block) {
				b.Do("visit(%q+key, &value)", field.Name+"/")
				b.Do("c.Spec.%s[key] = value", field.Go)
			})
		}
	})
}

// own writes the first line of a Decide: the subject as its own type.
func own(b *gocode.Block, k *plan.Kind) { b.Do("now, _ := before.(*%s)", k.Go) }

func refuse(b *gocode.Block, condition, format string, args ...any) {
	b.If(condition, func(b *gocode.Block) { b.Do("return nil, %s", fmt.Sprintf(format, args...)) })
}

func nothing(b *gocode.Block, condition string) {
	b.If(condition, func(b *gocode.Block) { b.Do("return nil, nil") })
}

func declare(f *gocode.File, k *plan.Kind, events payload.Of) {
	const r = "now"
	sealed := sensitive(k)
	f.Doc(k.Declare+" asks for "+k.Article+" as described, new or in place of the present", "declaration.")
	f.Struct(k.Declare, []gocode.Member{
		{Name: "Ref", Type: "base.Ref"},
		{Name: "Deployment", Type: "string // that asks, or \"\""},
		{Name: "Spec", Type: k.Spec},
	})
	command(f, k, k.Declare, k.Word+":write", "c.Spec.Validate(check)", sealed)
	f.Doc("Decide gives "+events.Begin.Go+" for "+k.Article+" that is new, "+events.Change.Go+" for one that", "differs, nothing for one that is as asked.")
	f.Func(fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", k.Declare), func(b *gocode.Block) {
		own(b, k)
		b.If(r+" == nil", func(b *gocode.Block) {
			if len(k.OneOf) > 0 {
				refuse(b, "present := c.Spec."+presentOneOf+"(); present != 1", "oneOf(%s, c.Ref, %s, []string{%s}, present)", k.Const, expr.IRI(k.IRI), expr.Quoted(k.OneOf))
			}
			b.Do("return []Payload{&%s{Spec: c.Spec}}, nil", events.Begin.Go)
		})
		if events.Deleting != nil {
			refuse(b, r+".Phase == PhaseDeleting", "beingDeleted(%s, c.Ref)", k.Const)
		}
		of := "c.Spec"
		if len(sealed) > 0 {
			of = "next"
			b.Do("next := c.Spec")
			b.Do("next.keep(&%s.Spec)", r)
		}
		for _, field := range k.Declared {
			if field.Immutable {
				refuse(b, differs(field, of, r+".Spec"), "immutable(%s, c.Ref, %q, %s)", k.Const, field.Name, expr.Rule(field))
			}
		}
		if len(k.OneOf) > 0 {
			refuse(b, "present := next."+presentOneOf+"(); present != 1", "oneOf(%s, c.Ref, %s, []string{%s}, present)", k.Const, expr.IRI(k.IRI), expr.Quoted(k.OneOf))
		}
		b.Do("changed := %s.changes(&%s.Spec)", of, r)
		nothing(b, fmt.Sprintf("len(changed) == 0 && sameDeployment(&%s.Head, c.Deployment)", r))
		b.Do("return []Payload{&%s{Spec: %s, Changed: changed}}, nil", events.Change.Go, of)
	})
}

// deletionCommand is the command that ends resources of a kind: that of
// clients, an operation, or the platform's own; "" for what is always there.
func deletionCommand(k *plan.Kind) string {
	if k.Delete != "" || k.Singleton {
		return k.Delete
	}
	if name := operationEnding(k); name != "" {
		return name
	}
	return k.End
}

func operationEnding(k *plan.Kind) string {
	for _, o := range k.Operations {
		if o.Causes.Ends {
			return o.Go
		}
	}
	return ""
}

func deletion(f *gocode.File, k *plan.Kind, name string, events payload.Of) {
	const r = "now"
	permission := k.Word + ":delete"
	if k.Delete == "" {
		permission = k.Word + ":observe"
	}
	f.Doc(name + " asks for the end of " + k.Article + ".")
	f.Struct(name, []gocode.Member{{Name: "Ref", Type: "base.Ref"}})
	command(f, k, name, permission, "", nil)
	signature := fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", name)
	if events.Deleting != nil && k.Reconciler && k.Delete != "" {
		f.Doc("Decide gives "+events.Deleting.Go+": a reconciler has to take it down first.", "A deletion that is under way goes on.")
		f.Func(signature, func(b *gocode.Block) {
			own(b, k)
			refuse(b, r+" == nil", "missing(%s, c.Ref)", k.Const)
			nothing(b, r+".Phase == PhaseDeleting")
			b.Do("return []Payload{&%s{}}, nil", events.Deleting.Go)
		})
		return
	}
	f.Doc("Decide gives " + events.End.Go + ": nothing has to be taken down first.")
	f.Func(signature, func(b *gocode.Block) {
		if k.Delete != "" {
			refuse(b, "before == nil", "missing(%s, c.Ref)", k.Const)
		} else {
			own(b, k)
			refuse(b, "now == nil", "missing(%s, c.Ref)", k.Const)
			allowedIn(b, k, "end", events.End.From)
		}
		b.Do("return []Payload{&%s{}}, nil", events.End.Go)
	})
}

// observe writes the command of reports.
func observe(f *gocode.File, k *plan.Kind, events payload.Of) {
	m := []gocode.Member{{Name: "Ref", Type: "base.Ref"}}
	if len(events.Phases) > 0 {
		m = append(m,
			gocode.Member{Name: "Of", Type: "base.Position", Doc: "Revision that was acted on; the report on another one is void."},
			gocode.Member{Name: "Phase", Type: "Phase", Doc: "Phase that was reached; \"\" leaves it."},
			gocode.Member{Name: "Reason", Type: "string"})
		if k.Reconciler {
			m = append(m, gocode.Member{Name: "Gone", Type: "bool", Doc: "What was being deleted is taken down."})
		}
	}
	if k.Status != "" {
		m = append(m, gocode.Member{Name: "Status", Type: k.Status})
	}
	f.Doc(k.Observe + " reports what was found of " + k.Article + ".")
	f.Struct(k.Observe, m)
	command(f, k, k.Observe, k.Word+":observe", "", nil)
	decideObservation(f, k, events)
}

func decideObservation(f *gocode.File, k *plan.Kind, events payload.Of) {
	const r = "now"
	fields := len(payload.Observable(k)) > 0
	f.Doc(observationDoc(k, events)...)
	f.Func(fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", k.Observe), func(b *gocode.Block) {
		own(b, k)
		switch {
		case beginsByReport(k, events):
			b.If(r+" == nil", func(b *gocode.Block) {
				b.Do("return []Payload{&%s{Status: c.Status}}, nil", events.Begin.Go)
			})
		case len(events.Phases) > 0:
			nothing(b, fmt.Sprintf("%s == nil || %s.Revision != c.Of", r, r))
		default:
			nothing(b, r+" == nil")
		}
		if len(events.Phases) > 0 && k.Reconciler && events.End != nil {
			b.If("c.Gone && "+r+".Phase == PhaseDeleting", func(b *gocode.Block) { b.Do("return []Payload{&%s{}}, nil", events.End.Go) })
		}
		if beginsByReport(k, events) && events.Observed == nil && len(events.Phases) == 0 {
			b.Do("return nil, nil")
			return
		}
		changed := ""
		if fields {
			b.Do("changed := c.Status.changes(&%s.Status)", r)
			changed = ", Status: c.Status.reported(), Changed: changed"
		}
		if len(events.Phases) == 0 {
			nothing(b, "len(changed) == 0")
			b.Do("return []Payload{&%s{Status: c.Status.reported(), Changed: changed}}, nil", events.Observed.Go)
			return
		}
		still := fmt.Sprintf(`c.Phase == "" || %s.Phase == PhaseDeleting || c.Phase == %s.Phase && c.Reason == %s.Reason`, r, r, r)
		b.If(still, func(b *gocode.Block) {
			if fields {
				b.If("len(changed) > 0", func(b *gocode.Block) {
					b.Do("return []Payload{&%s{Status: c.Status.reported(), Changed: changed}}, nil", events.Observed.Go)
				})
			}
			b.Do("return nil, nil")
		})
		b.Switch("c.Phase", func(b *gocode.Block) {
			for _, e := range events.Phases {
				b.Case(e.To.Go, func(b *gocode.Block) {
					b.Do("return []Payload{&%s{Of: c.Of, Reason: c.Reason%s}}, nil", e.Go, changed)
				})
			}
		})
		b.Do("return nil, noSuchMove(%s, c.Ref, c.Phase)", k.Const)
	})
}

// beginsByReport: the first report of a resource makes it, unless a command of
// its own does.
func beginsByReport(k *plan.Kind, events payload.Of) bool {
	return events.Begin.Observation && !slices.ContainsFunc(k.Reports, func(o *plan.Operation) bool { return o.Causes == events.Begin })
}

func observationDoc(k *plan.Kind, events payload.Of) []string {
	switch {
	case len(events.Phases) > 0:
		return []string{"Decide gives the event of the phase that was reached, nothing for what is known", "already or is no longer asked for."}
	case beginsByReport(k, events):
		return []string{"Decide gives " + events.Begin.Go + " for one that is new, nothing for what is known already."}
	}
	return []string{"Decide gives " + events.Observed.Go + " where something moved, nothing for what is known already."}
}

// operation writes the command of an operation.
func operation(f *gocode.File, k *plan.Kind, o *plan.Operation) {
	const r = "now"
	e := o.Causes
	m := []gocode.Member{{Name: "Ref", Type: "base.Ref"}}
	validate := ""
	if o.Input != nil {
		m = append(m, gocode.Member{Name: "Input", Type: o.Input.Go})
		validate = "c.Input.Validate(check)"
	}
	f.Doc(o.Go + " asks of " + k.Article + ": " + lower(o.Comment))
	f.Struct(o.Go, m)
	command(f, k, o.Go, o.Permission, validate, nil)
	f.Doc("Decide gives " + e.Go + ", nothing where that holds already.")
	f.Func(fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", o.Go), func(b *gocode.Block) {
		own(b, k)
		refuse(b, r+" == nil", "missing(%s, c.Ref)", k.Const)
		if holds := satisfied(e, r); holds != "" {
			nothing(b, holds)
		}
		allowedIn(b, k, o.Name, o.From)
		b.Do("return []Payload{&%s{%s}}, nil", e.Go, input(e, o))
	})
}

// allowedIn refuses an operation in other phases than these; none means any.
func allowedIn(b *gocode.Block, k *plan.Kind, operation string, from []*plan.Token) {
	if len(from) == 0 {
		return
	}
	var phases, tests []string
	for _, t := range from {
		phases = append(phases, t.Go)
		tests = append(tests, "now.Phase != "+t.Go)
	}
	refuse(b, strings.Join(tests, " && "), "wrongPhase(%s, &now.Head, %q, %s)", k.Const, operation, strings.Join(phases, ", "))
}

// satisfied is the condition under which what an event brings about holds.
func satisfied(e *plan.Event, of string) string {
	var holds []string
	if e.To != nil {
		holds = append(holds, of+".Phase == "+e.To.Go)
	}
	for _, a := range e.Sets {
		x := of + ".Status." + a.Field.Go
		if a.Field.Pointer {
			holds = append(holds, "base.Same("+x+", new("+constant(a)+"))")
			continue
		}
		holds = append(holds, x+" == "+a.Go)
	}
	return strings.Join(holds, " && ")
}

// constant is the value of an assignment as an expression of its own type.
func constant(a plan.Assignment) string {
	if a.Field.GoElem == "int64" || a.Field.GoElem == "float64" {
		return a.Field.GoElem + "(" + a.Go + ")"
	}
	return a.Go
}

// input fills what an event carries from the input of its operation.
func input(e *plan.Event, o *plan.Operation) string {
	if o.Input == nil {
		return ""
	}
	var parts []string
	for _, f := range e.Carried {
		if from := field(o.Input.Fields, f.Name); from != nil {
			parts = append(parts, f.Go+": c.Input."+from.Go)
		}
	}
	return strings.Join(parts, ", ")
}
