package lang

import (
	"cmp"
	"io"
	"slices"

	"github.com/picloud/picloud/gen/base"
)

// resourcesMax is how many resources one deployment may have.
const resourcesMax = 5000

// Options of Compile and Load.
type Options struct {
	// Root of the cluster that the deployment is meant for, without slash
	// ("https://picloud.local"): references become absolute IRIs below it.
	Root string
	// Check decodes and validates a resource by the rules of its kind and
	// leaves the violations in the decoder, which has model, root and address
	// set. It may be nil: then only what the language knows is checked.
	Check func(d *base.Decoder, class *base.Class, v *base.Value)
	// ReadFile gives the content that file('name') brings in, at most limit
	// bytes. Load reads from the folder of each file instead.
	ReadFile func(name string, limit int64) ([]byte, error)
	// Stdin is what Load reads for the path "-": .picloud, or Turtle where the
	// text begins as Turtle does. Nil means that "-" is a file like any other.
	Stdin io.Reader
	// Getenv gives what env('NAME') brings in. Nil means that there is nothing.
	Getenv func(name string) (string, bool)
}

// Deployment is what a set of files declares.
type Deployment struct {
	Resources []*Resource // in the order of the files
	// Products are those that the deployment declares itself.
	Products []base.Ref
	// Outside are the references that only a cluster can check.
	Outside []Outside
}

// Resource is one declared resource.
type Resource struct {
	Class   *base.Class
	Address base.Address
	// Value is the resource as JSON would carry it, with the members iri, kind,
	// name and product, quantities as integers, references as absolute IRIs.
	Value        *base.Value
	File         string
	Line, Column int

	failed []string // pointers to what could not be read
	broken bool     // as is its file
}

// Outside is a reference to a resource that the deployment does not declare and
// that does not belong to one of its products.
type Outside struct {
	From, Target base.Ref
	Class        string // that the target must be of
	File         string
	Line, Column int
}

// sorted orders violations by file and place, each once.
func sorted(violations []base.Violation) []base.Violation {
	slices.SortStableFunc(violations, func(a, b base.Violation) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(violations)
}

// addressed puts the members that say where a resource is before the others.
func addressed(r *Resource, root string) {
	text := func(name, value string) *base.Member {
		return &base.Member{Name: name, Line: r.Line, Column: r.Column,
			Value: &base.Value{Kind: base.StringValue, Text: value, Line: r.Line, Column: r.Column}}
	}
	members := []*base.Member{text("iri", r.Address.Ref.Absolute(root)), text("kind", r.Address.Kind)}
	if r.Address.Name != "" {
		members = append(members, text("name", r.Address.Name))
	}
	if r.Address.Product != "" {
		members = append(members, text("product", r.Address.Product.Absolute(root)))
	}
	r.Value.Members = append(members, r.Value.Members...)
}
