//go:build linux

package torture_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/picloud/picloud/runtime/discovery/lan"
)

// restartTime is what the supervisor waits before it starts a node again that
// ended by itself, as the installed unit does.
const restartTime = 2 * time.Second

// machine is one node with all that is its own.
type machine struct {
	name  string
	dir   string
	flags []string // of the server
	host  *lan.Host
	port  *lan.Port
	log   *os.File
	clock string // file that says by how much its clock is off

	mu      sync.Mutex
	address netip.AddrPort
	process *exec.Cmd     // nil while off
	ended   chan struct{} // closed when process has ended
	on      bool          // the supervisor keeps it running
	endings []string      // of processes that ended by themselves
}

// at is where clients reach the node.
func (m *machine) at() netip.AddrPort {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.address
}

// switchOn starts the node and keeps it running.
func (m *machine) switchOn(binary string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.on = true
	return m.start(binary)
}

// start starts the process; m.mu is held.
func (m *machine) start(binary string) error {
	c := m.command(binary, append([]string{"server", "--dir", filepath.Join(m.dir, "node"), "--name", m.name}, m.flags...)...)
	c.Stdout, c.Stderr = m.log, m.log
	if err := m.run(c); err != nil {
		return err
	}
	ended := make(chan struct{})
	m.process, m.ended = c, ended
	go func() {
		err := c.Wait()
		close(ended)
		m.supervise(binary, c, err)
	}()
	return nil
}

// supervise starts a node again that ended without being told.
func (m *machine) supervise(binary string, c *exec.Cmd, err error) {
	m.mu.Lock()
	if m.process != c || !m.on {
		m.mu.Unlock()
		return
	}
	m.process = nil
	m.endings = append(m.endings, fmt.Sprintf("%s ended by itself (%v)", m.name, err))
	m.mu.Unlock()
	<-time.After(restartTime)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.on && m.process == nil {
		if err := m.start(binary); err != nil {
			m.endings = append(m.endings, fmt.Sprintf("%s did not start again: %v", m.name, err))
		}
	}
}

// command is a call of the program as the machine's owner makes it.
func (m *machine) command(binary string, arguments ...string) *exec.Cmd {
	c := exec.Command(binary, arguments...)
	c.Env = append(os.Environ(), "HOME="+m.dir, "XDG_CONFIG_HOME="+m.dir, clockVariable+"="+m.clock)
	c.Dir = m.dir
	return c
}

// run starts a process on the machine.
func (m *machine) run(c *exec.Cmd) error {
	if m.host != nil {
		return m.host.Start(c)
	}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c.Start()
}

// call runs the program on the machine and gives what it printed.
func (m *machine) call(ctx context.Context, binary string, arguments ...string) (string, error) {
	var out bytes.Buffer
	c := m.command(binary, arguments...)
	c.Stdout, c.Stderr = &out, &out
	if err := m.run(c); err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = c.Process.Kill() })()
	if err := c.Wait(); err != nil {
		return out.String(), fmt.Errorf("picloud %s: %w: %s", strings.Join(arguments, " "), err, out.String())
	}
	return out.String(), nil
}

// pull pulls the plug and returns when the process is gone.
func (m *machine) pull() {
	m.mu.Lock()
	m.on = false
	process, ended := m.process, m.ended
	m.process = nil
	m.mu.Unlock()
	if process != nil {
		_ = process.Process.Kill()
		<-ended
	}
}

// signal sends a signal to a node that runs.
func (m *machine) signal(s os.Signal) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.process != nil {
		_ = m.process.Process.Signal(s)
	}
}

// end ends the node as an operator would, or else by force.
func (m *machine) end() error {
	m.mu.Lock()
	m.on = false
	process, ended := m.process, m.ended
	m.process = nil
	m.mu.Unlock()
	if process == nil {
		return nil
	}
	_ = process.Process.Signal(syscall.SIGCONT)
	_ = process.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
		return nil
	case <-time.After(time.Minute):
		_ = process.Process.Kill()
		<-ended
		return errors.New(m.name + " did not end within a minute of SIGTERM")
	}
}

// tail is the end of what the node logged.
func (m *machine) tail(bytesMax int) string {
	text, err := os.ReadFile(m.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-bytesMax):])
}

// code is what the machine shows while it waits to be let in.
func (m *machine) code() string {
	text, err := os.ReadFile(m.log.Name())
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(text), "code: ")
	code, _, found := strings.Cut(after, " ")
	if !found {
		return ""
	}
	return code
}
