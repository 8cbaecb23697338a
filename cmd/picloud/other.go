//go:build !linux

package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/picloud/picloud/cmd/picloud/cli"
)

// nodeCommands say that a node needs Linux.
func nodeCommands(*cli.App) []*cobra.Command {
	var commands []*cobra.Command
	for _, name := range []string{"dev", "server"} {
		commands = append(commands, &cobra.Command{
			Use: name, GroupID: "node", Short: "Run a node (on Linux only)", DisableFlagParsing: true,
			RunE: func(*cobra.Command, []string) error {
				return fmt.Errorf("a node runs on Linux only, and this is %s; talk to a cluster elsewhere with --context", runtime.GOOS)
			},
		})
	}
	return commands
}
