package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/picloud/picloud/cmd/picloud/cli"
)

// version is set by the linker.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	app := &cli.App{
		Version: about(),
		Stdin:   os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env:         os.LookupEnv,
		Interactive: isTerminal(os.Stdin) && isTerminal(os.Stderr),
		Coloured:    isTerminal(os.Stdout) && isTerminal(os.Stderr),
		Width:       terminalWidth,
	}
	os.Exit(app.Run(ctx, os.Args[1:], nodeCommands(app)...))
}

func isTerminal(file *os.File) bool { return term.IsTerminal(int(file.Fd())) }

func terminalWidth() int {
	width, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// about is the version with what it was built from.
func about() string {
	parts := []string{version}
	if info, ok := debug.ReadBuildInfo(); ok {
		if version == "" {
			parts[0] = info.Main.Version
		}
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				parts = append(parts, "commit "+setting.Value[:min(12, len(setting.Value))])
			case "vcs.time":
				parts = append(parts, "of "+setting.Value)
			}
		}
	}
	return strings.Join(append(parts, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH), " ")
}
