package discovery

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

func nodeID(number int) string { return fmt.Sprintf("%064x", number) }

func fresh(number int) Found {
	return Found{Node: nodeID(number), Name: "pi", Role: Fresh, Version: "v1"}
}

// said is the message by which a node announces itself.
func said(f Found, port int, addrs ...string) answer {
	a := answer{names: namesOf(f.Node, ""), text: f.text(port), port: uint16(port), asked: askedAll, seconds: lifetime}
	for _, addr := range addrs {
		a.addrs = append(a.addrs, netip.MustParseAddr(addr))
	}
	return a
}

func packed(t testing.TB, a answer) []byte {
	t.Helper()
	packet, err := a.pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	member := Found{Cluster: "11111111-1111-4111-8111-111111111111", Node: nodeID(7), Name: "pi-7.lan", Role: Member, Version: "v1.2 commit 12 of 2026"}
	for _, f := range []Found{fresh(1), member} {
		query, nodes, err := parse(packed(t, said(f, 443, "10.0.0.1", "fe80::1")))
		if err != nil || query != nil || len(nodes) != 1 {
			t.Fatalf("%v %v %v", query, nodes, err)
		}
		got := nodes[0]
		got.Addresses = nil
		if fmt.Sprint(got.Found) != fmt.Sprint(f) || got.port != 443 || len(got.addrs) != 2 || got.gone {
			t.Errorf("read %+v, want %+v", got, f)
		}
	}
}

func TestWhatANodeCannotMeanIsRefused(t *testing.T) {
	good := map[string]string{"txtvers": "1", "cluster": "", "id": nodeID(1), "name": "pi", "role": "fresh", "port": "443", "version": "v1"}
	read := func(key, value string) (Found, bool) {
		var entries []string
		for k, v := range good {
			if k == key {
				v = value
			}
			entries = append(entries, k+"="+v)
		}
		f, _, ok := readText(entries)
		return f, ok
	}
	if _, ok := read("", ""); !ok {
		t.Fatal("what is good is refused")
	}
	for _, c := range [][2]string{
		{"txtvers", "2"}, {"id", ""}, {"id", nodeID(1)[1:]}, {"id", strings.ToUpper(fmt.Sprintf("%064x", 0xabc))}, {"id", strings.Repeat("../", 22)[:64]},
		{"role", "leader"}, {"role", "member"}, {"cluster", "x"}, {"port", "0"}, {"port", "65536"}, {"port", "-1"}, {"port", "https"},
	} {
		if f, ok := read(c[0], c[1]); ok {
			t.Errorf("%s=%q is accepted: %+v", c[0], c[1], f)
		}
	}
	for _, c := range [][2]string{{"name", "\x1b[31mpi"}, {"name", strings.Repeat("a", 64)}, {"version", "v1\n"}, {"version", strings.Repeat("a", 129)}} {
		if f, ok := read(c[0], c[1]); !ok || c[0] == "name" && f.Name != "" || c[0] == "version" && f.Version != "" {
			t.Errorf("%s=%q is shown to people: %+v", c[0], c[1], f)
		}
	}
}

// on is a responder at one link, 10.0.0.1/24, without sockets.
func on(self Found) (*responder, *link) {
	r := newResponder(Config{}.withDefaults())
	r.said.self = self
	l := &link{place: place{1, four}, prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}, alone: bucket{size: aloneAtOnce, each: aloneEvery}}
	r.links[l.place] = l
	return r, l
}

func from(address string, group bool, t testing.TB, a answer) datagram {
	d := datagram{family: four, index: 1, from: netip.MustParseAddrPort(address), group: group}
	var err error
	if d.query, d.nodes, err = parse(packed(t, a)); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestStrangersCannotNameAddressesElsewhere(t *testing.T) {
	r, _ := on(fresh(9))
	r.take(time.Now(), from("10.0.0.2:5353", true, t, said(fresh(1), 443, "192.0.2.7", "127.0.0.1", "10.0.0.2", "10.0.0.3")))
	if f := <-r.found; strings.Join(f.Addresses, " ") != "10.0.0.2:443 10.0.0.3:443" {
		t.Errorf("believed %v", f.Addresses)
	}
	for what, d := range map[string]datagram{
		"an answer from afar":                   from("192.0.2.7:5353", false, t, said(fresh(2), 443, "10.0.0.4")),
		"an answer from a port of a program":    from("10.0.0.2:1234", true, t, said(fresh(3), 443, "10.0.0.4")),
		"its own":                               from("10.0.0.2:5353", true, t, said(fresh(9), 443, "10.0.0.4")),
		"what came by an interface not its own": {family: four, index: 2, from: netip.MustParseAddrPort("10.0.0.2:5353"), group: true, nodes: []heard{{Found: fresh(4)}}},
	} {
		r.take(time.Now(), d)
		if len(r.found) > 0 {
			t.Errorf("%s was believed: %+v", what, <-r.found)
		}
	}
}

func TestQuestionFromAfarIsAnsweredToNobody(t *testing.T) {
	r, l := on(fresh(9))
	ask := dnsmessage.Question{Name: dnsmessage.MustNewName(service), Type: typePTR, Class: dnsmessage.ClassINET | topBit}
	d := datagram{family: four, index: 1, from: netip.MustParseAddrPort("192.0.2.7:53"), query: &query{questions: []question{{ask, service}}}}
	for _, d.group = range []bool{false, true} {
		r.take(time.Now(), d)
		if l.pending != 0 || l.alone.used != 0 {
			t.Errorf("sent to the group: %t: it is answered", d.group)
		}
	}
}

// Whoever floods the network with nodes that are none costs bounded memory and
// bounded reports, and is forgotten first if it said less lately.
func TestInventedNodesAreBounded(t *testing.T) {
	table, now := newTable(), time.Now()
	reported := 0
	for i := range 20_000 {
		now = now.Add(250 * time.Microsecond) // 5 s in all
		if _, news := table.hear(now, i%100, heard{Found: fresh(i % 2_000), port: 1}, []netip.Addr{netip.MustParseAddr("10.0.0.1")}); news {
			reported++
		}
	}
	if len(table.nodes) > nodesMax || reported > reportsMax+5*reports+1 {
		t.Errorf("%d nodes are remembered, %d were reported", len(table.nodes), reported)
	}
	for _, e := range table.nodes {
		if len(e.at) > placesMax {
			t.Errorf("a node is remembered at %d interfaces", len(e.at))
		}
	}
}

func TestNodeThatSaysNothingNewIsReportedSeldom(t *testing.T) {
	table, now := newTable(), time.Now()
	here := []netip.Addr{netip.MustParseAddr("10.0.0.1")}
	hear := func(after time.Duration, f Found, addrs []netip.Addr) bool {
		now = now.Add(after)
		_, news := table.hear(now, 1, heard{Found: f, port: 443}, addrs)
		return news
	}
	if !hear(0, fresh(1), here) || hear(time.Second, fresh(1), here) || !hear(again, fresh(1), here) {
		t.Error("a node is to be reported at first and then once in a while")
	}
	newer := fresh(1)
	newer.Version = "v2"
	if !hear(time.Second, newer, here) || !hear(time.Second, newer, []netip.Addr{netip.MustParseAddr("10.0.0.2")}) {
		t.Error("what is new is to be reported at once")
	}
	if _, news := table.hear(now, 1, heard{Found: newer, gone: true}, nil); news || !hear(time.Second, newer, here) {
		t.Error("a node that left is not reported, and is new when it comes back")
	}
}

func TestLongNamesAndVersionsAreSaidShort(t *testing.T) {
	f := fresh(1)
	f.Name, f.Version = strings.Repeat("n", 300), strings.Repeat("v", 300)
	_, nodes, err := parse(packed(t, said(f, 443, "10.0.0.1")))
	if err != nil || len(nodes) != 1 || len(nodes[0].Name) != nameBytes || len(nodes[0].Version) != versionBytes {
		t.Errorf("%+v %v", nodes, err)
	}
}

// Two nodes on one machine, as in development: loopback alone.
func TestNodesOnOneMachineFindEachOther(t *testing.T) {
	seen := make(chan Found, 16)
	start := func(number int) *Discovery {
		return Start(Config{
			Self: func() Found { return fresh(number) }, Port: 7443 + number, Listen: netip.MustParseAddr("127.0.0.1"),
			Seen: func(f Found) { seen <- f }, Browse: time.Second,
		})
	}
	socket, err := open(context.Background(), four)
	if err == nil {
		err = socket.join(1)
		socket.conn.Close()
	}
	if err != nil {
		t.Skip("multicast is not permitted on loopback: ", err)
	}
	one, two := start(1), start(2)
	defer one.Close()
	defer two.Close()
	found := map[string]string{}
	for over := time.After(time.Minute); len(found) < 2; {
		select {
		case f := <-seen:
			found[f.Node] = strings.Join(f.Addresses, " ")
		case <-over:
			t.Fatalf("found only %v", found)
		}
	}
	if found[nodeID(1)] != "127.0.0.1:7444" || found[nodeID(2)] != "127.0.0.1:7445" {
		t.Errorf("found %v", found)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(packed(f, said(fresh(1), 443, "10.0.0.1", "fe80::1")))
	question, err := browse()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(question)
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, _ := on(fresh(9))
		d := datagram{family: four, index: 1, from: netip.MustParseAddrPort("10.0.0.2:5353"), group: true}
		if d.query, d.nodes, err = parse(packet); err != nil {
			return
		}
		if len(d.nodes) > instancesMax || d.query != nil && len(d.query.questions) > questionsMax {
			t.Errorf("%d nodes", len(d.nodes))
		}
		r.take(time.Now(), d)
		for len(r.found) > 0 {
			checkFound(t, <-r.found)
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte(strings.Join(fresh(1).text(443), "\n")))
	f.Fuzz(func(t *testing.T, text []byte) {
		var entries []string
		for entry := range bytes.SplitSeq(text, []byte("\n")) {
			entries = append(entries, string(entry))
		}
		if found, port, ok := readText(entries); ok {
			if port == 0 {
				t.Error("port 0")
			}
			checkFound(t, found)
		}
	})
}

// checkFound holds for whatever anybody may say.
func checkFound(t *testing.T, f Found) {
	t.Helper()
	if len(f.Node) != nodeBytes || len(f.Name) > nameBytes || len(f.Version) > versionBytes || len(f.Addresses) > addressesMax ||
		f.Role != Fresh && f.Role != Member || (f.Cluster == "") != (f.Role == Fresh) || !printable(f.Name+f.Version+f.Cluster+f.Node) {
		t.Errorf("found %+v", f)
	}
}
