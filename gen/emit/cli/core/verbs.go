package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
)

// Operator carries out an operation on a resource; the input is nil where the
// operation takes none.
type Operator interface {
	Operate(ctx context.Context, class *base.Class, ref base.Ref, operation string, input *base.Value) error
}

// Groups are the commands of kinds with operations: one for each kind, with a
// verb for each operation ("node drain NAME").
func Groups(model *base.Model, operator Operator) (groups []*cobra.Command) {
	for _, class := range model.Classes {
		if !class.Kind || len(class.Operations) == 0 {
			continue
		}
		group := &cobra.Command{Use: class.Word, Short: class.Comment}
		for _, o := range class.Operations {
			group.AddCommand(verb(model, class, o, operator))
		}
		groups = append(groups, group)
	}
	return groups
}

func verb(model *base.Model, class *base.Class, o base.Operation, operator Operator) *cobra.Command {
	c := &cobra.Command{Use: o.Name + " NAME", Short: o.Comment, Args: cobra.ExactArgs(1)}
	if class.Singleton {
		c.Use, c.Args = o.Name, cobra.NoArgs
	}
	product := ""
	if class.InProduct {
		c.Flags().StringVarP(&product, "product", "p", "", "the product that it belongs to")
	}
	input := func() (*base.Value, error) { return nil, nil }
	if o.Input != "" {
		input = Flags(c, model, model.Class(o.Input))
	}
	c.RunE = func(c *cobra.Command, arguments []string) error {
		body, err := input()
		if err != nil {
			return err
		}
		ref, err := subject(class, product, arguments)
		if err != nil {
			return err
		}
		return operator.Operate(c.Context(), class, ref, o.Name, body)
	}
	return c
}

// subject is the resource that the arguments name.
func subject(class *base.Class, product string, arguments []string) (base.Ref, error) {
	if class.Singleton {
		return "/", nil
	}
	if !base.IsName(arguments[0]) || product != "" && !base.IsName(product) {
		return "", fmt.Errorf("%q is no name", arguments[0])
	}
	if product == "" && !class.InCluster {
		return "", fmt.Errorf("a %s belongs to a product; name it with -p PRODUCT", class.Label)
	}
	if product == "" {
		return class.RefTo("", arguments[0]), nil
	}
	return class.RefTo(base.Ref("/products/"+product), arguments[0]), nil
}
