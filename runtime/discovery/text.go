package discovery

import (
	"strconv"
	"strings"
)

// Bounds of what a node may say of itself, in bytes.
const (
	textEntries  = 16 // of a TXT record
	nameBytes    = 63
	versionBytes = 128
	nodeBytes    = 64 // hex SHA-256
	clusterBytes = 36 // UUID
)

// text is the TXT record of a node (RFC 6763, section 6).
func (f Found) text(port int) []string {
	return []string{
		"txtvers=1", "cluster=" + f.Cluster, "id=" + f.Node, "name=" + clip(f.Name, nameBytes),
		"role=" + f.Role, "port=" + strconv.Itoa(port), "version=" + clip(f.Version, versionBytes),
	}
}

// readText reads the TXT record of a stranger. What cannot be meant is refused
// whole; a name or version that cannot be shown to people is left out.
func readText(entries []string) (found Found, port uint16, ok bool) {
	values := map[string]string{}
	for _, entry := range entries[:min(len(entries), textEntries)] {
		key, value, _ := strings.Cut(entry, "=")
		key = strings.ToLower(key)
		if _, twice := values[key]; !twice { // the first counts: RFC 6763, section 6.4
			values[key] = value
		}
	}
	number, err := strconv.ParseUint(values["port"], 10, 16)
	if err != nil || number == 0 || values["txtvers"] != "1" {
		return Found{}, 0, false
	}
	found = Found{Cluster: values["cluster"], Node: values["id"], Role: values["role"]}
	if len(found.Node) != nodeBytes || !only(found.Node, "0123456789abcdef") {
		return Found{}, 0, false
	}
	fresh := found.Role == Fresh && found.Cluster == ""
	member := found.Role == Member && len(found.Cluster) == clusterBytes && only(found.Cluster, "0123456789abcdef-")
	if !fresh && !member {
		return Found{}, 0, false
	}
	if name := values["name"]; len(name) <= nameBytes && only(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") {
		found.Name = name
	}
	if version := values["version"]; len(version) <= versionBytes && printable(version) {
		found.Version = version
	}
	return found, uint16(number), true
}

func only(text, letters string) bool { return strings.Trim(text, letters) == "" }

// printable says that a text is of ASCII that a terminal shows as it is.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

func clip(text string, bytes int) string { return text[:min(len(text), bytes)] }
