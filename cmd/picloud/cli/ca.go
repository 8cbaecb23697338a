package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/generated/client"
)

// authorityPath is the cluster's certificate authority.
const authorityPath = "/authorities/cluster"

func (a *App) ca() *cobra.Command {
	return group(&cobra.Command{Use: "ca", Short: "The certificate authority of the cluster"}, a.caExport())
}

func (a *App) caExport() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use: "export", Short: "Print the authority's certificate, for clients to trust", Args: noArguments,
		Long: `Print the authority's certificate, for clients to trust:

  picloud ca export > ca.pem        then: curl --cacert ca.pem https://…/
  picloud ca export --format der    for trust stores that take DER

Its key never leaves the cluster.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if format != "pem" && format != "der" {
				return usagef("--format: %q is none of pem, der", format)
			}
			cluster, err := a.client()
			if err != nil {
				return err
			}
			defer cluster.Close()
			block, fingerprint, err := readAuthority(c.Context(), cluster)
			if err != nil {
				return err
			}
			fmt.Fprintln(a.Stderr, Fingerprint(fingerprint))
			if format == "der" {
				_, err := a.Stdout.Write(block.Bytes)
				return err
			}
			return a.copyOut(pem.EncodeToMemory(block))
		},
	}
	c.Flags().StringVar(&format, "format", "pem", "pem or der")
	must(c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"pem", "der"}, cobra.ShellCompDirectiveNoFileComp)))
	return c
}

// readAuthority is the certificate of the cluster's authority and its SHA-256
// in hexadecimal.
func readAuthority(ctx context.Context, cluster *client.Client) (*pem.Block, string, error) {
	authority, _, err := read(ctx, cluster, authorityPath, 0)
	if err != nil {
		return nil, "", err
	}
	block, _ := pem.Decode([]byte(text(authority, "/certificate")))
	if block == nil {
		return nil, "", errors.New("the cluster's certificate authority is no PEM")
	}
	sum := sha256.Sum256(block.Bytes)
	return block, hex.EncodeToString(sum[:]), nil
}

// Fingerprint writes the SHA-256 of a certificate as all commands do and openssl
// too, to be compared by eye; "" if it is not known. Machines get it in lower-case
// hexadecimal, without the name of the digest.
func Fingerprint(hexadecimal string) string {
	if hexadecimal == "" {
		return ""
	}
	return "SHA-256 " + colons(hexadecimal)
}

func colons(hexadecimal string) string {
	var pairs []string
	for i := 0; i+2 <= len(hexadecimal); i += 2 {
		pairs = append(pairs, strings.ToUpper(hexadecimal[i:i+2]))
	}
	return strings.Join(pairs, ":")
}
