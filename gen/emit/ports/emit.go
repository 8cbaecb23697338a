package ports

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/ports"

//go:embed ports.go.txt
var fixed []byte

// Emit makes generated/ports.
func Emit(p *plan.Plan) ([]write.File, error) {
	var files []*gocode.File
	for _, s := range p.Slices {
		if kinds := reconciled(s); len(kinds) > 0 {
			files = append(files, sliceFile(s, kinds))
		}
	}
	emitted, err := gocode.Render(files...)
	return append(emitted, write.File{Path: folder + "/ports.go", Content: fixed}), err
}

func reconciled(s *plan.Slice) (kinds []*plan.Kind) {
	for _, k := range s.Kinds {
		if k.Lifecycle == base.Reconciled && k.Observe != "" {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

func sliceFile(s *plan.Slice, kinds []*plan.Kind) *gocode.File {
	f := gocode.NewFile(folder, strings.ToLower(s.Name)+".go", s.Source)
	port := strings.ToUpper(s.Name[:1]) + s.Name[1:]
	f.Doc(fmt.Sprintf("%s is what the slice %s does about its kinds.", port, s.Name))
	var methods strings.Builder
	for _, k := range kinds {
		fmt.Fprintf(&methods, "\t// %s makes %s as it is declared. %s\n", k.Go, k.Article, k.Comment)
		fmt.Fprintf(&methods, "\t%s(ctx context.Context, desired *domain.%s) (*domain.%s, error)\n", k.Go, k.Go, k.Observe)
	}
	f.Go("type %s interface {\n%s}", port, methods.String())
	f.Line()
	f.Doc(fmt.Sprintf("%sReconciler is the port as the kernel calls it.", port))
	f.Go("type %sReconciler struct{ Port %s }", port, port)
	f.Line()
	f.Doc("Kinds are those that it acts on.")
	f.Func(fmt.Sprintf("(%sReconciler) Kinds() []domain.Kind", port), func(b *gocode.Block) {
		var names []string
		for _, k := range kinds {
			names = append(names, "domain."+k.Const)
		}
		b.Do("return []domain.Kind{%s}", strings.Join(names, ", "))
	})
	f.Doc("Reconcile makes a resource as it is declared, if it is of one of these kinds.")
	f.Func(fmt.Sprintf("(r %sReconciler) Reconcile(ctx context.Context, desired domain.Resource) (domain.Command, error)", port), func(b *gocode.Block) {
		b.Switch("desired := desired.(type)", func(b *gocode.Block) {
			for _, k := range kinds {
				b.Case("*domain."+k.Go, func(b *gocode.Block) { b.Do("return reported(r.Port.%s(ctx, desired))", k.Go) })
			}
		})
		b.Do("return nil, nil")
	})
	return f
}
