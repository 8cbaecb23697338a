package client

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/picloud/picloud/generated/domain"
)

// perNode is how many addresses of one node a client keeps.
const perNode = 2

// Learn asks the cluster for its nodes, makes those known that it did not know,
// and gives the endpoints of all that are members now.
func (c *Client) Learn(ctx context.Context) (endpoints []string, err error) {
	for node, err := range list[*domain.Node](ctx, c, "/nodes", ListOptions{}) {
		if err != nil {
			return nil, err
		}
		if node.Status.Port == nil || node.Phase == domain.PhaseDeleting {
			continue
		}
		kept := 0
		for _, text := range node.Status.Addresses {
			ip, err := netip.ParseAddr(text)
			if err != nil || ip.IsLinkLocalUnicast() || kept == perNode {
				continue // a link-local address means something on one link only
			}
			kept++
			address := net.JoinHostPort(text, strconv.FormatInt(*node.Status.Port, 10))
			c.nodes.add(address)
			endpoints = append(endpoints, "https://"+address)
		}
	}
	return endpoints, nil
}
