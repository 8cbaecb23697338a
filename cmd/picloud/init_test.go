//go:build linux

package main

import (
	"net"
	"slices"
	"strings"
	"testing"
)

// client.json is carried to other machines, where the loopback is another one's.
func TestClientFindsANodeFromOtherMachinesToo(t *testing.T) {
	file := clientOf("[::]:8443")
	if file.Endpoint != "https://127.0.0.1:8443" {
		t.Errorf("on its own machine the node is at %s", file.Endpoint)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		if network := a.(*net.IPNet); network.IP.IsGlobalUnicast() != slices.Contains(file.Endpoints, "https://"+net.JoinHostPort(network.IP.String(), "8443")) {
			t.Errorf("%s of this machine, and the client knows %s", network.IP, strings.Join(file.Endpoints, ", "))
		}
	}
	if file := clientOf("192.0.2.1:8443"); file.Endpoint != "https://192.0.2.1:8443" || len(file.Endpoints) != 0 {
		t.Errorf("a node at one address is sought at %+v", file)
	}
}
