package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

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

// completionTime is how long a shell waits for names.
const completionTime = 2 * time.Second

// completeResources offers kinds, then the names of that kind.
func (a *App) completeResources(c *cobra.Command, arguments []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(arguments) != 1 {
		return completeKinds(c, arguments, typed)
	}
	none := cobra.ShellCompDirectiveNoFileComp
	class, err := kindOf(arguments[0])
	if err != nil || class.Singleton {
		return nil, none
	}
	cluster, err := a.client()
	if err != nil {
		return nil, none
	}
	defer cluster.Close()
	ctx, cancel := context.WithTimeout(c.Context(), completionTime)
	defer cancel()
	product, _ := c.Flags().GetString("product")
	collection := ""
	if product != "" || class.InCluster {
		if collection, err = collectionPath(class, product); err != nil {
			return nil, none
		}
	}
	collections, err := a.collections(ctx, cluster, class, collection)
	if err != nil {
		return nil, none
	}
	var names []string
	for _, collection := range collections {
		items, err := pages(ctx, cluster, collection, listOptions{})
		if err != nil {
			return nil, none
		}
		for _, item := range items {
			name := text(item, "/name")
			if in := item.Get("product"); in != nil && product == "" {
				name = base.Ref(in.Text).Name() + "/" + name
			}
			names = append(names, name)
		}
	}
	return names, none
}

// completeMembers offers the names of the members of a collection as the only
// argument.
func (a *App) completeMembers(collection string, o listOptions) cobra.CompletionFunc {
	return func(c *cobra.Command, arguments []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if cluster, err := a.client(); err == nil && len(arguments) == 0 {
			defer cluster.Close()
			ctx, cancel := context.WithTimeout(c.Context(), completionTime)
			defer cancel()
			items, _ := pages(ctx, cluster, collection, o) // nothing to offer is no error here
			for _, item := range items {
				names = append(names, text(item, "/name"))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
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
		return "", usagef("%s belongs to the cluster; leave out -p", article(class.Word))
	case class.InCluster:
		return "/" + class.Segment, nil
	}
	return "", usagef("%s belongs to a product; name it with -p PRODUCT", article(class.Word))
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

// checkPhase refuses a word that is no phase: nothing would ever be in it.
func checkPhase(phase string) error {
	var words []string
	for _, token := range schema.Model.Enum("Phase").Tokens {
		words = append(words, token.Token)
	}
	if phase == "" || slices.Contains(words, phase) {
		return nil
	}
	return usagef("--phase: there is no phase %q; the phases are %s", phase, strings.Join(words, ", "))
}

// article puts "a" or "an" before a word.
func article(word string) string {
	if strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}
