package cli

import (
	"encoding/json"

	"github.com/spf13/cobra"
)

// OutputFlag adds -o with its choices to a command that the binary adds; the
// first is the default.
func (a *App) OutputFlag(c *cobra.Command, choices ...string) { a.outputFlag(c, choices...) }

// Output is the chosen one, once the command runs.
func (a *App) Output() string { return a.output }

// Table prints rows in columns.
func (a *App) Table(header []string, rows [][]string) { a.table(header, rows) }

// PrintJSON prints a value as indented JSON.
func (a *App) PrintJSON(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return a.printJSON(text)
}

// Exactly demands a number of arguments of a command that the binary adds.
func Exactly(n int) cobra.PositionalArgs { return exactly(n) }

// Refused ends the program with the code of what was refused; why was printed.
func Refused() error { return exit(ExitRefused) }
