//go:build linux

package install

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Where things are, below the root.
const (
	binaryPath  = "/usr/local/bin/picloud"
	unitPath    = "/etc/systemd/system/picloud.service"
	enabledPath = "/etc/systemd/system/multi-user.target.wants/picloud.service"
	usersPath   = "/etc/sysusers.d/picloud.conf"
	optionsDir  = "/etc/picloud"
	optionsPath = optionsDir + "/picloud.env"
	stateDir    = "/var/lib/picloud"
	user        = "picloud"
)

// unit is the service. It runs as a user of its own that may do nothing but
// open a low port: what a node does for workloads is not part of this release.
func unit(dir string) string {
	state := "StateDirectory=picloud\nStateDirectoryMode=0700"
	if dir != stateDir {
		state = "ReadWritePaths=" + dir + "\nExecStartPre=+/usr/bin/chown " + user + ":" + user + " " + dir
	}
	return fmt.Sprintf(`[Unit]
Description=picloud node
Documentation=https://github.com/picloud/picloud
After=network.target
RequiresMountsFor=%[1]s
# A full disk or a lost network is mended by people, and the node then goes on
# by itself: it is tried for ever.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=%[2]s server --dir %[1]s $PICLOUD_OPTIONS
EnvironmentFile=-%[3]s
Restart=always
RestartSec=2
TimeoutStopSec=40
LimitNOFILE=1048576
TimerSlackNSec=1ms
OOMScoreAdjust=-500

User=%[4]s
Group=%[4]s
%[5]s
UMask=0077

AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`, dir, binaryPath, optionsPath, user, state)
}

const users = `u picloud - "picloud node" /var/lib/picloud /usr/sbin/nologin
`

// options is the file that holds the flags of the server.
func options(flags []string) string {
	return fmt.Sprintf(`# Flags of "picloud server", apart from --dir, on one line.
# After a change: systemctl restart picloud
PICLOUD_OPTIONS=%s
`, strings.Join(flags, " "))
}

// checkFlags refuses what the file of options cannot carry as it is meant.
func checkFlags(flags []string) error {
	for _, f := range flags {
		if f == "" || strings.ContainsAny(f, " \t\r\n\"'\\$#;") {
			return fmt.Errorf("the server's flag %q holds a space, a quote or one of \\ $ # ;, which %s cannot carry", f, optionsPath)
		}
		if f == "--dir" || strings.HasPrefix(f, "--dir=") {
			return fmt.Errorf("the directory is told to install itself: picloud install --dir DIR -- other flags of the server")
		}
	}
	return nil
}

const signature = "# Written by \"picloud install\". Changed by hand it is kept. sha256 of the rest: "

// signed puts the digest of a text before it, by which install knows later
// whether somebody changed it.
func signed(text string) []byte {
	digest := sha256.Sum256([]byte(text))
	return []byte(signature + hex.EncodeToString(digest[:]) + "\n" + text)
}

// untouched says that a text is as install wrote it.
func untouched(content []byte) bool {
	first, rest, _ := bytes.Cut(content, []byte("\n"))
	digest := sha256.Sum256(rest)
	return string(first) == signature+hex.EncodeToString(digest[:])
}
