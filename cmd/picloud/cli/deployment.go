package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/generated/schema"
	"github.com/picloud/picloud/runtime/lang"
)

// faults are what is wrong with files, each with its place.
type faults []base.Violation

func (f faults) Error() string {
	return count(len(f), "fault") + " in the files"
}

// print shows each fault on a line of its own, as editors read it.
func (f faults) print(a *App) {
	for _, v := range f {
		fmt.Fprintln(a.Stderr, v.String())
	}
	a.complain(f)
}

// count writes a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// load reads files as one deployment and checks them by the rules of every
// kind, without a cluster.
func (a *App) load(root string, paths []string) (*lang.Deployment, error) {
	deployment, violations := lang.Load(schema.Model, paths, lang.Options{Root: root, Check: checkKind, Getenv: a.Env, Stdin: a.Stdin})
	if len(violations) > 0 {
		return nil, faults(violations)
	}
	return deployment, nil
}

// checkKind holds a resource to the rules of its kind, the same that the
// server holds it to.
func checkKind(d *base.Decoder, class *base.Class, v *base.Value) {
	d.Check.Resource = d.Address.Ref
	if command := codec.DecodeDeclare(d, domain.Kind(class.Word), v, ""); command != nil {
		command.Validate(&d.Check)
	}
}

// body is a deployment as POST /apply takes it.
func body(resources []*lang.Resource) []byte {
	list := &base.Value{Kind: base.ArrayValue}
	for _, r := range resources {
		list.Items = append(list.Items, r.Value)
	}
	return base.AppendValue(nil, &base.Value{Kind: base.ObjectValue, Members: []*base.Member{{Name: "resources", Value: list}}})
}

// placed gives the violations of a refused deployment their places in the
// files: what the server says of /resources/3/size is said of a line.
func placed(err error, resources []*lang.Resource) error {
	var refused *base.Error
	if !errors.As(err, &refused) || len(refused.Violations) == 0 {
		return err
	}
	shown := *refused
	shown.Violations = slices.Clone(refused.Violations)
	for i, v := range shown.Violations {
		index, pointer, _ := strings.Cut(strings.TrimPrefix(v.Pointer, "/resources/"), "/")
		n, err := strconv.Atoi(index)
		if err != nil || n < 0 || n >= len(resources) || !strings.HasPrefix(v.Pointer, "/resources/") {
			continue
		}
		shown.Violations[i] = at(v, resources[n], "/"+pointer)
	}
	return &shown
}

// at gives a violation the place of what a pointer names in a resource, or of
// the resource where that is not there.
func at(v base.Violation, r *lang.Resource, pointer string) base.Violation {
	v.File, v.Line, v.Column = r.File, r.Line, r.Column
	if value := r.Value.Locate(pointer); value != r.Value && value.Line > 0 {
		v.Line, v.Column = value.Line, value.Column
	}
	return v
}
