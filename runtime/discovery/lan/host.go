//go:build linux

package lan

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// Host is a machine of its own as far as the network goes.
type Host struct {
	namespace *os.File
}

// NewHost makes a host with loopback only. It fails where the process may not
// make namespaces, and says so.
func NewHost() (*Host, error) {
	h := &Host{}
	err := elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("network namespaces are not permitted here (%w); run as root", err)
		}
		return nil
	}, func() (err error) {
		if h.namespace, err = os.Open("/proc/thread-self/ns/net"); err != nil {
			return err
		}
		return setFlags("lo", unix.IFF_UP)
	})
	return h, err
}

// Do runs f on a thread that is on the host: the sockets that f itself opens
// are the host's, and so are processes that it starts.
func (h *Host) Do(f func() error) error {
	return elsewhere(func() error { return unix.Setns(int(h.namespace.Fd()), unix.CLONE_NEWNET) }, f)
}

// elsewhere lets a thread enter another network, runs f there, and brings the
// thread back. It must not end: the kernel would end the processes that it
// started.
func elsewhere(enter, f func() error) (err error) {
	runtime.LockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err == nil {
		defer here.Close()
		err = enter()
	}
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer func() {
		back := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET)
		if back == nil {
			runtime.UnlockOSThread() // else nobody else may use it
		}
		err = errors.Join(err, back)
	}()
	return f()
}

// Start starts a process on the host. The kernel kills it if this process ends
// without having done so.
func (h *Host) Start(c *exec.Cmd) error {
	if c.SysProcAttr == nil {
		c.SysProcAttr = &unix.SysProcAttr{}
	}
	c.SysProcAttr.Pdeathsig = unix.SIGKILL
	return h.Do(c.Start)
}

// Without6 switches IPv6 off, also for interfaces that come later.
func (h *Host) Without6() error {
	return h.Do(func() error {
		for _, which := range []string{"all", "default"} {
			if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+which+"/disable_ipv6", []byte("1"), 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// Close lets the host go once its processes have ended.
func (h *Host) Close() error { return h.namespace.Close() }

// control calls the kernel about an interface of the host that the thread is on.
func control(name string, request uint, set func(*unix.Ifreq) error) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	about, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := set(about); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, request, about); err != nil {
		return fmt.Errorf("interface %s: %w", name, err)
	}
	return nil
}

func setFlags(name string, flags uint16) error {
	return control(name, unix.SIOCSIFFLAGS, func(about *unix.Ifreq) error {
		about.SetUint16(flags)
		return nil
	})
}
