package gen

import (
	"github.com/picloud/picloud/gen/emit/api"
	"github.com/picloud/picloud/gen/emit/cli"
	"github.com/picloud/picloud/gen/emit/client"
	"github.com/picloud/picloud/gen/emit/codec"
	"github.com/picloud/picloud/gen/emit/docs"
	"github.com/picloud/picloud/gen/emit/domain"
	"github.com/picloud/picloud/gen/emit/ports"
	"github.com/picloud/picloud/gen/emit/quads"
	"github.com/picloud/picloud/gen/emit/schema"
	"github.com/picloud/picloud/gen/plan"
	"github.com/picloud/picloud/gen/write"
)

// Output is one artifact: what it is, where it lies and who makes it.
type Output struct {
	Name string
	// Owns are the places below generated/ that hold this output and nothing
	// else: folders, with a slash at the end, and single files. What lies
	// there and is not emitted is removed.
	Owns []string
	Emit func(*plan.Plan) ([]write.File, error)
}

// Outputs is everything that is generated, in the order in which output
// depends on output.
func Outputs() []Output {
	return []Output{
		{"schema", []string{"generated/schema/"}, schema.Emit},
		{"domain", []string{"generated/domain/"}, domain.Emit},
		{"codec", []string{"generated/codec/"}, codec.Emit},
		{"quads", []string{"generated/quads/"}, quads.Emit},
		{"api", []string{"generated/api/"}, api.Emit},
		{"client", []string{"generated/client/"}, client.Emit},
		{"cli", []string{"generated/cli/"}, cli.Emit},
		{"ports", []string{"generated/ports/"}, ports.Emit},
		{"docs", []string{"generated/docs/", "generated/README.md"}, docs.Emit},
	}
}
