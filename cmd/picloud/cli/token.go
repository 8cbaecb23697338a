package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/client"
)

// token manages bearer tokens. The secret is made here and shown once; the
// cluster is told its digest only.
func (a *App) token() *cobra.Command {
	return group(&cobra.Command{Use: "token", Short: "Make and revoke bearer tokens"},
		a.tokenCreate(), a.tokenList(), a.tokenRevoke())
}

func (a *App) tokenCreate() *cobra.Command {
	var role, ttl string
	c := &cobra.Command{
		Use: "create [NAME]", Short: "Make a token and print it, this once", Args: between(0, 1),
		RunE: func(c *cobra.Command, arguments []string) error {
			if role != "read" && role != "admin" {
				return usagef("--role: %q is none of read, admin", role)
			}
			expires, err := expiryOf(ttl)
			if err != nil {
				return err
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			secret, digest := newToken()
			name := tokenName(arguments)
			if err := declareToken(c.Context(), cluster, "/tokens/", name, map[string]string{"role": role, "digest": digest, "expiresAt": expires}); err != nil {
				return err
			}
			fmt.Fprintf(a.Stderr, "token %s, role %s, for %s; it is shown this once:\n", name, role, ttl)
			return a.copyOut([]byte(secret))
		},
	}
	c.Flags().StringVar(&role, "role", "read", "what it may do: read or admin")
	c.Flags().StringVar(&ttl, "ttl", "30d", "how long it lives: 15m, 12h, 30d")
	must(c.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"read", "admin"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// tokenName is the name that was given, or one that is made up.
func tokenName(arguments []string) string {
	if len(arguments) > 0 {
		return arguments[0]
	}
	return "token-" + strings.ToLower(rand.Text()[:8])
}

// expiryOf is when what is made now is over, by --ttl.
func expiryOf(ttl string) (string, error) {
	seconds, err := base.ParseQuantity(ttl, base.SecondsSyntax)
	switch {
	case err != nil:
		return "", usagef("--ttl: %v", err)
	case seconds <= 0:
		return "", usagef("--ttl %s: a token lives longer than nothing, such as 12h", ttl)
	}
	return base.TimeOf(time.Now().Add(time.Duration(seconds) * time.Second)).String(), nil
}

// declareToken declares a token of one kind or another, which must be new: its
// secret is of no use to whoever has the one before.
func declareToken(ctx context.Context, cluster *client.Client, collection, name string, spec map[string]string) error {
	body, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	_, err = cluster.Do(ctx, client.Request{
		Method: http.MethodPut, Path: collection + url.PathEscape(name), ContentType: "application/json", Body: body, IfNoneMatch: "*",
	})
	return err
}

// newToken makes a bearer token of 256 random bits and its SHA-256 in hex. The
// token is random enough that a plain digest of it tells nothing.
func newToken() (secret, digest string) {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	secret = "pct_" + base64.RawURLEncoding.EncodeToString(random)
	sum := sha256.Sum256([]byte(secret))
	return secret, hex.EncodeToString(sum[:])
}

func (a *App) tokenList() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the tokens", Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.list(c.Context(), "token", listOptions{}) },
	}
	a.outputFlag(c, "table", "json", "yaml")
	return c
}

func (a *App) tokenRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke NAME", Short: "End a token at once", Args: exactly(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			_, err = cluster.Do(c.Context(), client.Request{Method: http.MethodDelete, Path: "/tokens/" + url.PathEscape(arguments[0])})
			if err == nil {
				fmt.Fprintln(a.Stderr, "revoked")
			}
			return err
		},
	}
}
