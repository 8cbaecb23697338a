package cli

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/schema"
)

// kindOf finds a kind by its word or its plural.
func kindOf(word string) (*base.Class, error) {
	words := make([]string, 0, len(schema.Model.Classes))
	for _, class := range schema.Model.Classes {
		if !class.Kind {
			continue
		}
		if word == class.Word || word == class.Plural {
			return class, nil
		}
		words = append(words, class.Word)
	}
	message := fmt.Sprintf("there is no kind %q", word)
	if near := base.Nearest(word, words); near != "" {
		return nil, usagef("%s; did you mean %q?", message, near)
	}
	return nil, usagef("%s; the kinds are %s", message, strings.Join(words, ", "))
}

// completeKinds offers the kinds as the first argument.
func completeKinds(_ *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []string
	for _, class := range schema.Model.Classes {
		if class.Kind {
			words = append(words, class.Word+"\t"+class.Comment)
		}
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// collectionPath is where the resources of a kind are, of the cluster or of a
// product.
func collectionPath(class *base.Class, product string) (string, error) {
	switch {
	case class.Singleton:
		return "", usagef("there is one %s only: picloud resource get %s", class.Word, class.Word)
	case product != "" && class.InProduct:
		return "/products/" + url.PathEscape(product) + "/" + class.Segment, nil
	case product != "":
		return "", usagef("a %s belongs to the cluster; leave out -p", class.Word)
	case class.InCluster:
		return "/" + class.Segment, nil
	}
	return "", usagef("a %s belongs to a product; name it with -p PRODUCT", class.Word)
}

// resourcePath is the address of one resource, from kind, name and -p, or from
// a single "product/name".
func resourcePath(arguments []string, product string) (*base.Class, string, error) {
	class, err := kindOf(arguments[0])
	if err != nil {
		return nil, "", err
	}
	if class.Singleton {
		return class, "/", nil
	}
	if len(arguments) < 2 {
		return nil, "", usagef("name the %s", class.Word)
	}
	name := arguments[1]
	if in, below, ok := strings.Cut(name, "/"); ok && product == "" {
		product, name = in, below
	}
	collection, err := collectionPath(class, product)
	return class, collection + "/" + url.PathEscape(name), err
}
