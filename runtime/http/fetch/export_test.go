package fetch

import "net/netip"

// Public reports whether an address is dialled without being listed.
func Public(address string) bool { return public(netip.MustParseAddr(address).Unmap()) }
