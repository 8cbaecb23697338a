//go:build linux

package main

import (
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/node"
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

// Nobody is found by itself on the loopback, and nobody else comes there.
func TestFounderHearsHowTheNextNodeComes(t *testing.T) {
	for _, c := range []struct {
		address, enrollment string
		want, no            []string
	}{
		{"[::]:443", "", []string{"on the same network:\n  picloud server                            it finds this cluster, asks to be", "node approve NAME", "--join ADDRESS:443 --cluster 6f1c"}, []string{"--listen"}},
		{"192.0.2.1:443", "token", []string{"picloud node token > FILE", "picloud server --token @FILE              it finds this cluster and joins", "--join ADDRESS:443"}, []string{"approve"}},
		{"[::]:443", "auto", []string{"picloud node trust NAME"}, []string{"approve", "token"}},
		{"127.0.0.1:7001", "approve", []string{"on this machine, since no other reaches 127.0.0.1:7001", "picloud server --dir DIR --listen 127.0.0.1:PORT --name NAME --join 127.0.0.1:7001\n                                            it finds"}, []string{"ADDRESS", "same network"}},
		{"[::1]:7001", "token", []string{"picloud server --token @FILE --dir DIR --listen [::1]:PORT --name NAME --join [::1]:7001"}, []string{"ADDRESS"}},
	} {
		text := howToJoin(node.Standing{Address: c.address, Cluster: "6f1c"}, c.enrollment)
		for _, want := range c.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s, %s: %q is not in\n%s", c.address, c.enrollment, want, text)
			}
		}
		for _, no := range c.no {
			if strings.Contains(text, no) {
				t.Errorf("%s, %s: %q is in\n%s", c.address, c.enrollment, no, text)
			}
		}
	}
}
