package cli

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

type colour string

const (
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
	bold   colour = "1"
)

// paint colours a text where people read it, unless NO_COLOR is set
// (no-color.org).
func (a *App) paint(c colour, text string) string {
	if without, _ := a.Env("NO_COLOR"); !a.Coloured || without != "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// ask puts a question to a person and gives the line that they answer.
func (a *App) ask(question string) (answer string, ok bool) {
	if !a.Interactive {
		return "", false
	}
	if a.answers == nil {
		a.answers = bufio.NewReader(a.Stdin)
	}
	fmt.Fprint(a.Stderr, question, " ")
	answer, err := a.answers.ReadString('\n')
	return strings.TrimSpace(answer), err == nil || answer != ""
}

// confirm asks for a yes. Anything else means no.
func (a *App) confirm(question string) bool {
	answer, _ := a.ask(question + " [y/N]")
	answer = strings.ToLower(answer)
	return answer == "y" || answer == "yes"
}

// Agree has somebody say yes to what cannot be taken back, after saying what
// follows from it, if anything does. Where nobody can be asked, --yes is the only
// way to say it: a script that lost its terminal must not pass for a person.
func (a *App) Agree(yes bool, follows, question string) error {
	if yes {
		return nil
	}
	if follows != "" {
		fmt.Fprintln(a.Stderr, follows)
	}
	switch {
	case !a.Interactive:
		return usagef("%s Nobody can be asked here, so nothing was done; to do it give --yes", question)
	case !a.confirm(question):
		fmt.Fprintln(a.Stderr, "nothing was done")
		return exit(ExitRefused)
	}
	return nil
}

// YesFlag is the flag of commands that need somebody to agree.
func YesFlag(c *cobra.Command, yes *bool) {
	c.Flags().BoolVarP(yes, "yes", "y", false, "do not ask; needed where there is no terminal")
}
