package client

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/client"

//go:embed core/*.go
var core embed.FS

// Emit makes generated/client.
func Emit(p *plan.Plan) ([]write.File, error) {
	var files []*gocode.File
	for _, k := range p.Kinds {
		files = append(files, kindFile(k))
	}
	emitted, err := gocode.Render(files...)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(core, "core/*.go")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		content, err := core.ReadFile(name)
		if err != nil {
			return nil, err
		}
		emitted = append(emitted, write.File{Path: folder + strings.TrimPrefix(name, "core"), Content: content})
	}
	return emitted, nil
}

// kindFile has a method for each route of a kind.
func kindFile(k *plan.Kind) *gocode.File {
	name := k.File
	if _, err := core.Open("core/" + name); err == nil { // a kind may be called "client" too
		name = "kind_" + name
	}
	f := gocode.NewFile(folder, name, k.Source)
	for _, r := range k.Routes {
		method(f, &call{r})
	}
	return f
}

// call is one route as a method of Go.
type call struct{ *plan.Route }

func (c *call) name() string { return strings.ToUpper(c.ID[:1]) + c.ID[1:] }

// parameters are those that say which resource.
func (c *call) parameters() string {
	switch {
	case c.Kind.Singleton:
		return ""
	case c.Action == plan.List && c.InProduct:
		return "product string, "
	case c.Action == plan.List:
		return ""
	case c.InProduct:
		return "product, name string, "
	}
	return "name string, "
}

// address is the expression of the resource or collection.
func (c *call) address() string {
	place := fmt.Sprintf("ofCluster(%q)", c.Kind.Segment)
	if c.InProduct {
		place = fmt.Sprintf("ofProduct(product, %q)", c.Kind.Segment)
	}
	switch {
	case c.Kind.Singleton:
		return `base.Ref("/")`
	case c.Action == plan.List:
		return place
	}
	return fmt.Sprintf("one(%s, name)", place)
}

// of says where the resources are that a kind of both scopes means.
func (c *call) of() string {
	switch {
	case !c.Kind.InProduct || !c.Kind.InCluster:
		return ""
	case c.InProduct:
		return " of a product"
	}
	return " of the cluster"
}

func method(f *gocode.File, c *call) {
	k := c.Kind
	signature := func(rest, results string) string {
		return fmt.Sprintf("(c *Client) %s(ctx context.Context, %s%s) %s", c.name(), c.parameters(), rest, results)
	}
	one := fmt.Sprintf("(*domain.%s, Meta, error)", k.Go)
	switch c.Action {
	case plan.List:
		f.Doc(fmt.Sprintf("%s yields the %s%s in the order of their names, page by page.", c.name(), k.Plural, c.of()))
		f.Func(signature("options ListOptions", fmt.Sprintf("iter.Seq2[*domain.%s, error]", k.Go)), func(b *gocode.Block) {
			b.Do("return list[*domain.%s](ctx, c, %s, options)", k.Go, c.address())
		})
	case plan.Get:
		f.Doc(fmt.Sprintf("%s reads %s%s.", c.name(), k.Article, c.of()))
		f.Func(signature("options ...Option", one), func(b *gocode.Block) {
			b.Do("return get[*domain.%s](ctx, c, %s, options)", k.Go, c.address())
		})
	case plan.Put:
		f.Doc(fmt.Sprintf("%s declares %s%s whole, new or in place of what is declared now.", c.name(), k.Article, c.of()))
		f.Func(signature("spec *domain."+k.Spec+", options ...Option", one), func(b *gocode.Block) {
			b.Do("return put[*domain.%s](ctx, c, &domain.%s{Ref: %s, Spec: *spec}, options)", k.Go, k.Declare, c.address())
		})
	case plan.Patch:
		f.Doc(fmt.Sprintf("%s changes what the patch names of %s%s.", c.name(), k.Article, c.of()))
		f.Func(signature("patch Patch, options ...Option", one), func(b *gocode.Block) {
			b.Do("return change[*domain.%s](ctx, c, %s, patch, options)", k.Go, c.address())
		})
	case plan.Delete:
		f.Doc(fmt.Sprintf("%s deletes %s%s.", c.name(), k.Article, c.of()))
		f.Func(signature("options ...Option", "(Meta, error)"), func(b *gocode.Block) {
			b.Do("return c.remove(ctx, %s, options)", c.address())
		})
	case plan.Operate:
		operation(f, c, signature)
	}
}

func operation(f *gocode.File, c *call, signature func(rest, results string) string) {
	o := c.Operation
	f.Doc(fmt.Sprintf("%s: %s", c.name(), lower(o.Operation.Comment)))
	rest, input := "options ...Option", ""
	if o.Input != nil {
		rest, input = "input domain."+o.Input.Go+", "+rest, ", Input: input"
	}
	f.Func(signature(rest, "(Meta, error)"), func(b *gocode.Block) {
		b.Do("return c.operate(ctx, &domain.%s{Ref: %s%s}, %q, options)", o.Go, c.address(), input, o.Name)
	})
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }
