package node

import (
	"net"
	"slices"
)

// addressesMax is how many addresses a node reports.
const addressesMax = 16

// addresses are those of this machine at which others may reach it, and those
// it was told to answer to, sorted.
func addresses(names []string) (list []string) {
	add := func(ip net.IP) {
		if ip != nil && ip.IsGlobalUnicast() && !slices.Contains(list, ip.String()) {
			list = append(list, ip.String())
		}
	}
	for _, name := range names {
		add(net.ParseIP(name))
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		own = nil // a machine that hides them has none to report
	}
	for _, address := range own {
		if network, ok := address.(*net.IPNet); ok {
			add(network.IP)
		}
	}
	slices.Sort(list)
	return list[:min(len(list), addressesMax)]
}
