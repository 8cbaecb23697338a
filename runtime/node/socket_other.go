//go:build !linux

package node

import (
	"context"
	"net"
	"os"
	"path/filepath"
)

func listenSocket(ctx context.Context, dir string) (net.Listener, error) {
	path := filepath.Join(dir, socketName)
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return (&net.ListenConfig{}).Listen(ctx, "unix", path)
}

// dialSocket reaches the node of a directory.
func dialSocket(ctx context.Context, dir string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(dir, socketName))
}
