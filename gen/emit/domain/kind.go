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

// kindFile writes one kind: its state, commands and events, in that order.
func kindFile(k *plan.Kind) (*gocode.File, error) {
	clears, err := clearable(k)
	if err != nil {
		return nil, err
	}
	f := gocode.NewFile(folder, k.File, k.Source)
	events := payload.Events(k)
	state(f, k, clears)
	spec(f, k)
	if k.Status != "" {
		status(f, k)
	}
	if k.Declare != "" {
		declare(f, k, events)
	}
	if name := deletionCommand(k); name != "" && operationEnding(k) == "" {
		deletion(f, k, name, events)
	}
	if observes(events) {
		observe(f, k, events)
	}
	for _, o := range k.Operations {
		operation(f, k, o)
	}
	payloads(f, k)
	fold(f, k, events)
	return f, nil
}

// observes reports whether reports are made of a kind.
func observes(events payload.Of) bool {
	return events.Observed != nil || len(events.Phases) > 0 || events.Begin != nil && events.Begin.Observation
}

// state writes the resource and what the kernel asks of it.
func state(f *gocode.File, k *plan.Kind, clears []*plan.Field) {
	r := k.Receiver
	f.Doc(k.Go + ": " + lower(k.Comment))
	m := []gocode.Member{{Type: "Head"}}
	if k.Spec != "" {
		m = append(m, gocode.Member{Name: "Spec", Type: k.Spec})
	}
	if k.Status != "" {
		m = append(m, gocode.Member{Name: "Status", Type: k.Status})
	}
	f.Struct(k.Go, m)
	if k.Spec != "" {
		f.Doc(k.Spec + " is what clients declare of " + k.Article + ".")
		f.Struct(k.Spec, members(k.Declared))
	}
	if k.Status != "" {
		f.Doc(k.Status + " is what the platform observes of " + k.Article + ".")
		f.Struct(k.Status, members(k.Observed))
	}
	f.Doc("Kind is " + k.Const + ".")
	f.Go("func (*%s) Kind() Kind { return %s }", k.Go, k.Const)
	f.Line()
	labels(f, k)
	f.Doc("References lists the declared references of " + k.Article + ".")
	if anyRefers(k.Declared) {
		f.Func(fmt.Sprintf("(%s *%s) References() []base.Reference", r, k.Go), func(b *gocode.Block) {
			b.Do("gathered := base.References{From: %s.Ref}", r)
			b.Do("%s.Spec.references(&gathered)", r)
			b.Do("return gathered.List")
		})
	} else {
		f.Go("func (*%s) References() []base.Reference { return nil }", k.Go)
		f.Line()
	}
	if name := deletionCommand(k); name == "" {
		f.Doc("Deletion is nil: there is always " + k.Article + ".")
		f.Go("func (*%s) Deletion() Command { return nil }", k.Go)
	} else {
		f.Doc("Deletion is the command that ends the " + k.Label + ".")
		f.Go("func (%s *%s) Deletion() Command { return &%s{Ref: %s.Ref} }", r, k.Go, name, r)
	}
	f.Line()
	without(f, k, clears)
}

func labels(f *gocode.File, k *plan.Kind) {
	if k.Spec == "" {
		f.Doc("Labels are none: " + k.Article + " is not declared.")
		f.Go("func (*%s) Labels() (string, map[string]string) { return %q, nil }", k.Go, "")
	} else {
		f.Doc("Labels are what people find the " + k.Label + " by.")
		f.Go("func (%[1]s *%[2]s) Labels() (string, map[string]string) { return base.OrZero(%[1]s.Spec.Description), %[1]s.Spec.Tags }", k.Receiver, k.Go)
	}
	f.Line()
}

func without(f *gocode.File, k *plan.Kind, clears []*plan.Field) {
	r := k.Receiver
	if len(clears) == 0 {
		f.Doc("Without is nil: " + k.Article + " has no reference that can be cleared.")
		f.Go("func (*%s) Without(base.Ref) Command { return nil }", k.Go)
		f.Line()
		return
	}
	f.Doc("Without is the declaration of the " + k.Label + " without references to the target.")
	f.Func(fmt.Sprintf("(%s *%s) Without(target base.Ref) Command", r, k.Go), func(b *gocode.Block) {
		b.Do("next := &%s{Ref: %s.Ref, Spec: %s.Spec}", k.Declare, r, r)
		for _, field := range clears {
			if field.Form == base.Single {
				b.If(fmt.Sprintf("next.Spec.%s == target", field.Go), func(b *gocode.Block) { b.Do("next.Spec.%s = %q", field.Go, "") })
				continue
			}
			b.Do("next.Spec.%s = base.Without(%s.Spec.%s, target)", field.Go, r, field.Go)
		}
		b.If(fmt.Sprintf("len(next.Spec.changes(&%s.Spec)) == 0", r), func(b *gocode.Block) { b.Do("return nil") })
		b.Do("return next")
	})
}

// spec writes the functions of what is declared.
func spec(f *gocode.File, k *plan.Kind) {
	if anyRefers(k.Declared) {
		f.Func(fmt.Sprintf("(s *%s) references(r *base.References)", k.Spec), func(b *gocode.Block) {
			for _, field := range k.Declared {
				references(b, field, "s")
			}
		})
	}
	if k.Spec == "" {
		return
	}
	f.Doc("Validate notes every shape that the declaration breaks.")
	f.Func(fmt.Sprintf("(s *%s) Validate(c *base.Check)", k.Spec), func(b *gocode.Block) {
		for _, field := range k.Declared {
			validate(b, field, "s")
		}
		for _, alternatives := range k.Alternatives {
			oneOf(b, k.IRI, [][]*plan.Field{pick(k, alternatives)}, "s")
		}
		if len(k.OneOf) > 0 {
			b.If(fmt.Sprintf("present := s.%s(); present > 1", presentOneOf), func(b *gocode.Block) {
				b.Do("c.OneOf(%s, []string{%s}, present)", expr.IRI(k.IRI), expr.Quoted(k.OneOf))
			})
		}
	})
	if len(k.OneOf) > 0 {
		f.Doc(presentOneOf + " counts the values given of which one is kept.")
		f.Func(fmt.Sprintf("(s *%s) %s() int", k.Spec, presentOneOf), func(b *gocode.Block) {
			b.Do("return base.Count(%s)", conditions(pick(k, k.OneOf), "s"))
		})
	}
	keep(f, k)
	f.Doc("changes lists the fields in which two declarations differ, as pointers.")
	f.Func(fmt.Sprintf("(s *%s) changes(o *%s) (changed []string)", k.Spec, k.Spec), func(b *gocode.Block) {
		changes(b, k.Declared)
	})
}

const presentOneOf = "given"

func pick(k *plan.Kind, names []string) (fields []*plan.Field) {
	for _, n := range names {
		fields = append(fields, field(k.Declared, n))
	}
	return fields
}

func sensitive(k *plan.Kind) (fields []*plan.Field) {
	for _, f := range k.Declared {
		if f.Sensitive {
			fields = append(fields, f)
		}
	}
	return fields
}

// keep takes over sealed values that a declaration leaves alone.
func keep(f *gocode.File, k *plan.Kind) {
	fields := sensitive(k)
	if len(fields) == 0 {
		return
	}
	f.Doc("keep takes over the sealed values that the declaration leaves alone.")
	f.Func(fmt.Sprintf("(s *%s) keep(before *%s)", k.Spec, k.Spec), func(b *gocode.Block) {
		if len(k.OneOf) > 0 {
			b.If(fmt.Sprintf("s.%s() > 0", presentOneOf), func(b *gocode.Block) { b.Do("return") })
		}
		for _, field := range fields {
			if field.Form == base.Single {
				b.Do("s.%s = s.%s.Kept(before.%s)", field.Go, field.Go, field.Go)
				continue
			}
			b.If("s."+field.Go+" == nil", func(b *gocode.Block) { b.Do("s.%s = before.%s", field.Go, field.Go) })
		}
	})
}

func changes(b *gocode.Block, fields []*plan.Field) {
	for _, field := range fields {
		b.If(differs(field, "s", "o"), func(b *gocode.Block) {
			b.Do("changed = append(changed, %q)", "/"+field.Name)
		})
	}
	b.Do("return changed")
}

// status writes the functions of what is observed.
func status(f *gocode.File, k *plan.Kind) {
	fields := payload.Observable(k)
	if len(fields) == 0 || !moves(payload.Events(k)) {
		return
	}
	f.Doc("changes lists the fields in which two observations differ, as pointers.")
	f.Func(fmt.Sprintf("(s *%s) changes(o *%s) (changed []string)", k.Status, k.Status), func(b *gocode.Block) {
		changes(b, fields)
	})
	only(f, k)
	f.Doc("assign copies the fields that an event carries.")
	f.Func(fmt.Sprintf("(s *%s) assign(from *%s, changed []string)", k.Status, k.Status), func(b *gocode.Block) {
		b.For("_, field := range changed", func(b *gocode.Block) {
			b.Switch("field", func(b *gocode.Block) {
				for _, field := range fields {
					b.Case(fmt.Sprintf("%q", "/"+field.Name), func(b *gocode.Block) {
						b.Do("s.%s = from.%s", field.Go, field.Go)
					})
				}
			})
		})
	})
}

// moves reports whether observed fields change after the beginning.
func moves(events payload.Of) bool { return events.Observed != nil || len(events.Phases) > 0 }

// only writes the function that leaves in an observation what an event says.
func only(f *gocode.File, k *plan.Kind) {
	f.Doc("only is the fields that changed, the others absent.")
	f.Func(fmt.Sprintf("(s *%s) only(changed []string) (o %s)", k.Status, k.Status), func(b *gocode.Block) {
		b.Do("o.assign(s, changed)")
		b.Do("return o")
	})
}

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
	if events.Deleting != nil && k.Reconciler {
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
		refuse(b, "before == nil", "missing(%s, c.Ref)", k.Const)
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
	f.Doc(observationDoc(events)...)
	f.Func(fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", k.Observe), func(b *gocode.Block) {
		own(b, k)
		switch {
		case events.Begin.Observation:
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
		if events.Begin.Observation && events.Observed == nil && len(events.Phases) == 0 {
			b.Do("return nil, nil")
			return
		}
		changed := ""
		if fields {
			b.Do("changed := c.Status.changes(&%s.Status)", r)
			changed = ", Status: c.Status.only(changed), Changed: changed"
		}
		if len(events.Phases) == 0 {
			nothing(b, "len(changed) == 0")
			b.Do("return []Payload{&%s{Status: c.Status.only(changed), Changed: changed}}, nil", events.Observed.Go)
			return
		}
		still := fmt.Sprintf(`c.Phase == "" || %s.Phase == PhaseDeleting || c.Phase == %s.Phase && c.Reason == %s.Reason`, r, r, r)
		b.If(still, func(b *gocode.Block) {
			if fields {
				b.If("len(changed) > 0", func(b *gocode.Block) {
					b.Do("return []Payload{&%s{Status: c.Status.only(changed), Changed: changed}}, nil", events.Observed.Go)
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

func observationDoc(events payload.Of) []string {
	switch {
	case len(events.Phases) > 0:
		return []string{"Decide gives the event of the phase that was reached, nothing for what is known", "already or is no longer asked for."}
	case events.Begin.Observation:
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
		if len(o.From) > 0 {
			var phases, tests []string
			for _, t := range o.From {
				phases = append(phases, t.Go)
				tests = append(tests, r+".Phase != "+t.Go)
			}
			refuse(b, strings.Join(tests, " && "), "wrongPhase(%s, &%s.Head, %q, %s)", k.Const, r, o.Name, strings.Join(phases, ", "))
		}
		b.Do("return []Payload{&%s{%s}}, nil", e.Go, input(e, o))
	})
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
		refuse(b, r+" == nil", "unfoldable(e, %q)", "it does not exist")
		b.Do("next := *%s", r)
		moving := "e.Payload.(type)"
		if slices.ContainsFunc(payload.All(k), func(e *plan.Event) bool { return e != begin && reads(k, e) }) {
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
	return !e.Ends && (e.Declaration || payload.Carries(e, "reason") || len(payload.Extra(e)) > 0 ||
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
	parts := []string{fmt.Sprintf("Head: born(e, %s, %s)", k.Initial.Go, waiting(k))}
	if e.Declaration {
		parts = append(parts, "Spec: p.Spec")
	}
	if e.Observation && len(payload.Observable(k)) > 0 {
		parts = append(parts, "Status: p.Status")
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
	if e.Observation && len(payload.Observable(k)) > 0 {
		b.Do("next.Status.assign(&p.Status, p.Changed)")
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
