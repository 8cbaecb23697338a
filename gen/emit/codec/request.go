package codec

import (
	"github.com/picloud/picloud/gen/emit/gocode"
	"github.com/picloud/picloud/gen/plan"
)

// requestFile is the client's side of DecodeDeclare and DecodeOperation.
func requestFile(p *plan.Plan) *gocode.File {
	f := gocode.NewFile(folder, "request.go", "")
	f.Doc("AppendRequest writes the body of the request that asks for a command of a client:",
		"what DecodeDeclare or DecodeOperation reads. It reports whether there is a body.")
	f.Func("AppendRequest(e *base.Encoder, c domain.Command) bool", func(b *gocode.Block) {
		b.Do("e.Resource = c.Subject()")
		b.Switch("c := c.(type)", func(b *gocode.Block) {
			for _, k := range p.Kinds {
				if k.Declare != "" {
					b.Case("*domain."+k.Declare, func(b *gocode.Block) {
						b.Do("e.Begin()")
						b.Do("append%s(e, &c.Spec)", k.Spec)
						b.Do("e.End()")
						b.Do("return true")
					})
				}
				for _, o := range k.Operations {
					if o.Input != nil {
						b.Case("*domain."+o.Go, func(b *gocode.Block) {
							b.Do("append%s(e, &c.Input)", o.Input.Go)
							b.Do("return true")
						})
					}
				}
			}
		})
		b.Do("return false")
	})
	return f
}
