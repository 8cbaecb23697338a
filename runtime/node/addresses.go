package node

import (
	"net"
	"slices"
)

// addressesMax is how many addresses a node reports.
const addressesMax = 16

// addresses are those of this machine at which others may reach the node,
// sorted, and its port: the one that it listens at, or all of the machine, and
// those that it was told to answer to.
func (n *Node) addresses() (list []string, port *int64) {
	listens, _ := n.cfg.Listener.Addr().(*net.TCPAddr)
	if n.unannounced || listens == nil {
		return reachable(nil, n.cfg.Names), nil
	}
	return reachable(listens.IP, n.cfg.Names), new(int64(listens.Port))
}

// reachable are the addresses behind one to listen at; nil stands for all.
func reachable(listens net.IP, names []string) (list []string) {
	add := func(ip net.IP) {
		if text := ip.String(); !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil && ip.IsGlobalUnicast() {
			add(ip)
		}
	}
	if listens != nil && !listens.IsUnspecified() {
		add(listens)
	} else {
		own, _ := net.InterfaceAddrs() // a machine that hides them has none to report
		for _, address := range own {
			if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
				add(network.IP)
			}
		}
	}
	slices.Sort(list)
	return list[:min(len(list), addressesMax)]
}
