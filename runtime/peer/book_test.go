package peer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/picloud/picloud/runtime/peer"
)

func TestBookPrefersWhereAMemberWasMet(t *testing.T) {
	b := peer.OpenBook("", nil)
	b.Learn("x", peer.FromState, []string{"10.0.0.1:443", "10.0.0.2:443"})
	b.Learn("x", peer.FromNetwork, []string{"10.0.0.3:443", "10.0.0.1:443"})
	b.Reached("x", "10.0.0.2:443")
	if got, want := b.Addresses("x"), []string{"10.0.0.2:443", "10.0.0.3:443", "10.0.0.1:443"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	b.Learn("x", peer.FromState, []string{"10.0.0.9:443"})
	if got := b.Addresses("x"); !slices.Contains(got, "10.0.0.9:443") {
		t.Errorf("what is learned anew is missing: %v", got)
	}
	b.Forget("x")
	if got := b.Addresses("x"); len(got) != 0 {
		t.Errorf("forgotten, and still %v", got)
	}
}

func TestBookOutlivesTheNode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	b := peer.OpenBook(path, nil)
	b.Learn("x", peer.FromState, []string{"10.0.0.1:443"})
	b.Reached("x", "[fe80::1%eth0]:443")
	b.Learn("announced", peer.FromNetwork, []string{"10.0.0.66:443"})
	b = peer.OpenBook(path, nil)
	if got, want := b.Addresses("x"), []string{"[fe80::1%eth0]:443", "10.0.0.1:443"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := b.Addresses("announced"); len(got) != 0 {
		t.Errorf("what anybody can announce was written down: %v", got)
	}
}

// Anybody can announce addresses of a member, as many as are ever tried. They are
// hints beside what members and this node vouch for, and never in its place.
func TestAnnouncedAddressesDriveOutNoneThatMembersVouchFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.json")
	b := peer.OpenBook(path, nil)
	var many []string
	for host := range 16 {
		many = append(many, fmt.Sprintf("10.0.0.%d:443", 100+host))
	}
	b.Learn("x", peer.FromState, []string{"10.0.0.1:443", "10.0.0.2:443"})
	b.Learn("x", peer.FromNetwork, many)
	got := b.Addresses("x")
	for _, vouched := range []string{"10.0.0.1:443", "10.0.0.2:443"} {
		if i := slices.Index(got, vouched); i < 0 || i > 3 {
			t.Errorf("%s is tried as number %d of %v", vouched, i+1, got)
		}
	}
	b.Reached("x", "10.0.0.2:443") // is written down
	b = peer.OpenBook(path, nil)
	if got, want := b.Addresses("x"), []string{"10.0.0.2:443", "10.0.0.1:443"}; !slices.Equal(got, want) {
		t.Errorf("after a start %v, want %v", got, want)
	}
}

func TestDamagedBookIsAnEmptyOne(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "torn": `{"nodes": {"x": ["10.0.`, "foreign": `[1]`, "long": `{"nodes": {"x": ["` + strings.Repeat("a", 5<<20) + `"]}}`,
	} {
		path := filepath.Join(t.TempDir(), "peers.json")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var log logged
		b := peer.OpenBook(path, logger(&log))
		if got := b.Addresses("x"); len(got) != 0 || log.count("cannot be read") != 1 {
			t.Errorf("%s: %v, log %d", name, got, log.count("cannot be read"))
		}
		if b.Learn("x", peer.FromState, []string{"10.0.0.1:443"}); len(peer.OpenBook(path, nil).Addresses("x")) != 1 {
			t.Errorf("%s: it was not written anew", name)
		}
	}
}

// Whoever shouts on the network fills no memory and drives nobody out.
func TestBookIsBounded(t *testing.T) {
	b := peer.OpenBook("", nil)
	for i := range 5000 {
		b.Learn(fmt.Sprint("shouted-", i), peer.FromNetwork, []string{"10.0.0.1:443"})
	}
	kept := 0
	for i := range 5000 {
		kept += len(b.Addresses(fmt.Sprint("shouted-", i)))
	}
	if kept != 1024 {
		t.Errorf("%d of 5,000 are kept", kept)
	}
	b.Learn("member", peer.FromState, []string{"10.0.0.2:443"})
	if len(b.Addresses("member")) != 1 {
		t.Error("there is no room for a member")
	}
	var many []string
	for port := range 100 {
		many = append(many, fmt.Sprintf("10.0.0.3:%d", port), "nonsense", ":1", "host:0", "host:99999")
	}
	b.Learn("member", peer.FromNetwork, many)
	if got := b.Addresses("member"); len(got) != 17 || slices.Contains(got, "nonsense") || slices.Contains(got, "host:0") {
		t.Errorf("%d addresses: %v", len(got), got)
	}
}
