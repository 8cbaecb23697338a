package clusterbench

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// startProcess runs a program until the test ends; what it says goes to a file. Its
// timers may be late by slack, if that is not 0.
func startProcess(t *testing.T, log string, slack time.Duration, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	command := exec.Command(program, arguments...)
	command.Stdout, command.Stderr = out, out
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	defer setSlack(t, slack)()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()
	})
	return command
}

// setSlack is what systemd's TimerSlackNSec does: what the calling goroutine starts
// until it is undone inherits it (prctl(2), PR_SET_TIMERSLACK).
func setSlack(t *testing.T, slack time.Duration) (undo func()) {
	t.Helper()
	const prSetTimerSlack = 29
	runtime.LockOSThread()
	set := func(d time.Duration) {
		if _, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, prSetTimerSlack, uintptr(d.Nanoseconds()), 0); err != 0 {
			t.Error("the slack of timers cannot be set:", err)
		}
	}
	set(slack)
	return func() {
		set(0) // what it was
		runtime.UnlockOSThread()
	}
}

// wait tries until it succeeds.
func wait(t *testing.T, what string, limit time.Duration, try func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); ; <-tick.C {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s: %v", limit, what, err)
		}
	}
}

// said is what a program that failed wrote to its standard error.
func said(err error) string {
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return string(failed.Stderr)
	}
	return ""
}
