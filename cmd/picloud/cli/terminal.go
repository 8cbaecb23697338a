package cli

import (
	"bufio"
	"fmt"
	"strings"
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
