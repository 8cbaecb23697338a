//go:build linux

package main

import (
	"os/exec"
	"strings"
	"testing"
)

// On a machine that systemd runs: one command installs the node, systemd starts
// it as a user of its own, again when it is killed, and with the machine.
func TestInstalledNodeIsKeptBySystemd(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("picloud")
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t)
	m.on(program)
	// it has neither controllers nor a network, which a check may call a failure
	if said := m.does("/opt/picloud", "install", "--force"); !strings.Contains(said, "/etc/systemd/system/picloud.service") || !strings.Contains(said, "first node: picloud cluster init") {
		t.Errorf("install says %s", said)
	}
	value := func(property string) string {
		return strings.TrimSpace(m.does("systemctl", "show", "picloud", "--value", "--property", property))
	}
	if active := strings.TrimSpace(m.does("systemctl", "is-active", "picloud")); active != "active" {
		t.Errorf("the service is %s", active)
	}
	first := value("MainPID")
	if user := strings.TrimSpace(m.does("stat", "-c", "%U", "/proc/"+first)); user != "picloud" {
		t.Errorf("the node runs as %s", user)
	}
	if said := m.does("picloud", "cluster", "init"); !strings.Contains(said, "picloud.local") {
		t.Errorf("init says %s", said)
	}
	status := func() bool {
		out, err := m.try("picloud", "cluster", "status")
		return err == nil && strings.Contains(out, "1 of 1 answer")
	}
	if !await(status) {
		t.Fatal("the cluster does not answer at port 443")
	}
	if owner := strings.TrimSpace(m.does("stat", "-c", "%U %a", "/var/lib/picloud")); owner != "picloud 700" {
		t.Errorf("its directory is of %s", owner)
	}

	m.does("systemctl", "kill", "--signal=KILL", "picloud")
	if !await(func() bool { return value("NRestarts") != "0" && value("MainPID") != first && status() }) {
		t.Errorf("it was killed and is not back: %s", value("ActiveState"))
	}
	second := value("MainPID")
	if said := m.does("/opt/picloud", "install", "--force"); strings.Contains(said, "created") || strings.Contains(said, "updated") || value("MainPID") != second {
		t.Errorf("installing again changed something: %s", said)
	}

	// what cannot work is said by the one who installs, not only in the journal
	if said, err := m.try("/opt/picloud", "install", "--force", "--", "--listen=192.0.2.1:443"); err == nil || !strings.Contains(said, "does not answer") || !strings.Contains(said, "journalctl -u picloud") {
		t.Errorf("an address that the machine does not have: %v, %s", err, said)
	}
	m.does("/opt/picloud", "install", "--force", "--", "--listen=:443")

	m.off()
	m.on(program)
	if !await(status) {
		journal, _ := m.try("journalctl", "--no-pager", "-u", "picloud")
		t.Fatalf("the node did not start with the machine: %s", journal)
	}

	m.does("systemctl", "stop", "picloud")
	if code := value("ExecMainStatus"); code != "0" {
		t.Errorf("told to stop it ended with %s", code)
	}
	if said := m.does("/opt/picloud", "install", "--uninstall"); !strings.Contains(said, "data is never removed") {
		t.Errorf("uninstall says %s", said)
	}
	if load := value("LoadState"); load != "not-found" {
		t.Errorf("the service is still there: %s", load)
	}
	m.does("test", "-s", "/var/lib/picloud/membership.json")
}
