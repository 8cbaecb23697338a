package domain

import (
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/emit/payload"
	"github.com/picloud/picloud/gen/plan"
)

// platformCommand writes the command of an operation that only the platform
// asks for. It holds what its event carries.
func platformCommand(f *gocode.File, k *plan.Kind, o *plan.Operation) {
	e := o.Causes
	m := []gocode.Member{{Name: "Ref", Type: "base.Ref"}}
	var given []string
	give := func(name string) { given = append(given, name+": c."+name) }
	if payload.Carries(e, "reason") {
		m = append(m, gocode.Member{Name: "Reason", Type: "string"})
		give("Reason")
	}
	if begins := e.Begins && len(e.From) == 0; begins && e.Observation && k.Status != "" {
		m = append(m, gocode.Member{Name: "Status", Type: k.Status})
		give("Status")
	}
	for _, field := range payload.Extra(e) {
		give(field.Go)
	}
	m = append(m, members(payload.Extra(e))...)
	f.Doc(o.Go + " says of " + k.Article + ": " + lower(o.Comment))
	f.Struct(o.Go, m)
	command(f, k, o.Go, o.Permission, "", nil)
	f.Doc("Decide gives " + e.Go + ", nothing where that holds already.")
	f.Func(fmt.Sprintf("(c *%s) Decide(before Resource) ([]Payload, error)", o.Go), func(b *gocode.Block) {
		if e.Begins && len(e.From) == 0 {
			refuse(b, "before != nil", "taken(%s, c.Ref)", k.Const)
		} else {
			own(b, k)
			refuse(b, "now == nil", "missing(%s, c.Ref)", k.Const)
			if holds := reported(e); holds != "" {
				nothing(b, holds)
			}
			allowedIn(b, k, o.Name, o.From)
		}
		b.Do("return []Payload{&%s{%s}}, nil", e.Go, strings.Join(given, ", "))
	})
}

// reported is the condition under which all that an event says is known.
func reported(e *plan.Event) string {
	var holds []string
	if known := satisfied(e, "now"); known != "" {
		holds = append(holds, known)
	}
	if payload.Carries(e, "reason") {
		holds = append(holds, "now.Reason == c.Reason")
	}
	for _, field := range payload.Extra(e) {
		holds = append(holds, equal(field, "c", "now.Status"))
	}
	return strings.Join(holds, " && ")
}
