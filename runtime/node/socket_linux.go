package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// The path of a Unix socket is short (108 bytes) and directories may lie deep,
// so the directory is named by its descriptor.
func inDirectory(dir string, use func(path string) error) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return use(fmt.Sprintf("/proc/self/fd/%d/%s", d.Fd(), socketName))
}

// listenSocket makes the socket of a directory. It belongs to the owner alone
// from the first moment: its mode is set before it has a name.
func listenSocket(ctx context.Context, dir string) (listener net.Listener, err error) {
	if err := os.Remove(filepath.Join(dir, socketName)); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		if err := c.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), 0o600) }); err != nil {
			return err
		}
		return failed
	}}
	err = inDirectory(dir, func(path string) error {
		listener, err = private.Listen(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the socket of %s: %w", dir, err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // its path is over with the descriptor
	return listener, nil
}

// dialSocket reaches the node of a directory.
func dialSocket(ctx context.Context, dir string) (conn net.Conn, err error) {
	err = inDirectory(dir, func(path string) error {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	return conn, err
}
