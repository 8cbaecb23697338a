package clusterbench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// etcd is a cluster of three local members, each with its own process and
// directory, as Debian ships it: every write is synced.
type etcd struct {
	endpoints string
	loader    string
}

// startEtcd starts the members; they end with the test. Nil, with the reason
// printed, where etcd is not installed.
func startEtcd(t *testing.T, dir string) *etcd {
	t.Helper()
	server, err := exec.LookPath("etcd")
	if err != nil {
		t.Log("no figures of etcd: it is not installed; on Debian: apt-get install etcd-server")
		return nil
	}
	slack, err := time.ParseDuration(cmp.Or(os.Getenv("PICLOUD_ETCD_SLACK"), "0s"))
	if err != nil {
		t.Fatal(err)
	}
	loader := filepath.Join(dir, "etcdload")
	build := exec.Command("go", "build", "-o", loader, ".")
	build.Dir = "etcdload"
	if out, err := build.CombinedOutput(); err != nil {
		t.Logf("no figures of etcd: its client cannot be built: %v\n%s", err, out)
		return nil
	}
	ports := freePorts(t, 6)
	var members, clients []string
	for i := range 3 {
		members = append(members, fmt.Sprintf("m%d=http://127.0.0.1:%d", i, ports[i]))
		clients = append(clients, fmt.Sprintf("127.0.0.1:%d", ports[3+i]))
	}
	for i := range 3 {
		peer, client := fmt.Sprintf("http://127.0.0.1:%d", ports[i]), "http://"+clients[i]
		startProcess(t, filepath.Join(dir, fmt.Sprintf("etcd-%d.log", i)), slack, server,
			"--name", fmt.Sprintf("m%d", i), "--data-dir", filepath.Join(dir, fmt.Sprintf("etcd-%d", i)),
			"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
			"--listen-client-urls", client, "--advertise-client-urls", client,
			"--initial-cluster", strings.Join(members, ","), "--initial-cluster-state", "new", "--logger", "zap", "--log-level", "error")
	}
	e := &etcd{strings.Join(clients, ","), loader}
	wait(t, "etcd takes writes", 30*time.Second, func() error { _, err := e.run(1, 1); return err })
	return e
}

// load writes values of 256 bytes.
func (e *etcd) load(t *testing.T, writers int, limit time.Duration) figures {
	t.Helper()
	f, err := e.run(writers, int(limit.Seconds()))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (e *etcd) run(writers, seconds int) (f figures, err error) {
	out, err := exec.Command(e.loader, e.endpoints, strconv.Itoa(writers), strconv.Itoa(seconds), "256").Output()
	if err != nil {
		return f, fmt.Errorf("etcdload: %w: %s", err, said(err))
	}
	return f, json.Unmarshal(out, &f)
}

// freePorts are ports of loopback that nobody listens at now.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
