package node

import (
	"slices"
	"strings"
	"testing"
)

func TestAddressToJoinHasTheUsualPort(t *testing.T) {
	c := Config{Join: []string{"192.168.1.10", "pi.local", "pi.local:8443", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:8443"}}
	want := []string{"192.168.1.10:443", "pi.local:443", "pi.local:8443", "[2001:db8::1]:443", "[2001:db8::1]:443", "[2001:db8::1]:8443"}
	if err := c.completeJoin(); err != nil || !slices.Equal(c.Join, want) {
		t.Errorf("%q %v, want %q", c.Join, err, want)
	}
	for _, wrong := range []string{"", ":443", "pi.local:", "pi.local:0", "pi.local:70000", "https://pi.local", "pi.local:443/x", "a b"} {
		c := Config{Join: []string{wrong}}
		if err := c.completeJoin(); err == nil || !strings.Contains(err.Error(), "192.168.1.10:443") {
			t.Errorf("%q: %v, %q", wrong, err, c.Join)
		}
	}
}
