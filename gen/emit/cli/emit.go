package cli

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

const folder = "generated/cli"

//go:embed core/*.go
var core embed.FS

// Emit makes generated/cli.
func Emit(p *plan.Plan) ([]write.File, error) {
	emitted, err := gocode.Render(columns(p))
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

// columns is what tables show of each kind.
func columns(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "kinds.go", "")
	f.Doc("Columns is what a table shows of the resources of a kind, nil for a word that is none.")
	f.Func("Columns(word string) []Column", func(b *gocode.Block) {
		b.Switch("word", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				b.Case(fmt.Sprintf("%q", k.Word), func(b *gocode.Block) {
					var list strings.Builder
					for _, c := range k.Columns {
						if c.Pointer == "/product" { // shown where a table is over all products
							continue
						}
						fmt.Fprintf(&list, "\n%s,", column(c))
					}
					b.Do("return []Column{%s\n}", list.String())
				})
			}
		})
		b.Do("return nil")
	})
	return f
}

func column(c plan.Column) string {
	s := fmt.Sprintf("{Title: %q, Pointer: %q", c.Title, c.Pointer)
	moment := c.Field == nil && strings.HasSuffix(c.Pointer, "At")
	if c.Field != nil {
		if c.Field.Syntax != base.PlainSyntax {
			s += fmt.Sprintf(", Syntax: %q", c.Field.Syntax)
		}
		moment = c.Field.Type == base.TypeDateTime
	}
	if moment {
		s += ", Time: true"
	}
	return s + "}"
}
