package domain

import (
	"fmt"

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
	for _, o := range k.Reports {
		platformCommand(f, k, o)
	}
	if events.Dataset != nil {
		dataset(f, k, events)
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
	f.Doc("reported is what reports give; what other events set is left out.")
	f.Func(fmt.Sprintf("(s *%s) reported() (o %s)", k.Status, k.Status), func(b *gocode.Block) {
		b.Do("o.assign(s)")
		b.Do("return o")
	})
	f.Doc("assign takes over all that reports give, also what is absent now.")
	f.Func(fmt.Sprintf("(s *%s) assign(from *%s)", k.Status, k.Status), func(b *gocode.Block) {
		for _, field := range fields {
			b.Do("s.%s = from.%s", field.Go, field.Go)
		}
	})
}

// moves reports whether observed fields change after the beginning.
func moves(events payload.Of) bool { return events.Observed != nil || len(events.Phases) > 0 }
