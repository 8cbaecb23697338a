package discovery

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// listen gives a word soon after an interface or an address of this machine came
// or went, as the kernel tells it, until ctx ends. What the kernel says is not
// read: the word means to look. Where the kernel tells nobody none comes.
func (r *responder) listen(ctx context.Context) <-chan struct{} {
	words := make(chan struct{}, 1)
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return words
	}
	kernel := os.NewFile(uintptr(fd), "netlink")
	groups := uint32(unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		kernel.Close()
		return words
	}
	context.AfterFunc(ctx, func() { kernel.Close() })
	r.readers.Go(func() {
		buffer := make([]byte, packetBytes)
		for {
			_, err := kernel.Read(buffer)
			if err != nil && !errors.Is(err, unix.ENOBUFS) { // closed; or more words than it could keep
				return
			}
			select {
			case words <- struct{}{}:
			default: // one waits already
			}
		}
	})
	return words
}
