package discovery

import "strings"

const (
	service     = "_picloud._tcp.local."
	enumeration = "_services._dns-sd._udp.local." // RFC 6763, section 9
)

// names are those that a node answers for. All but the domain are made from
// its key, so that no two honest nodes have the same and none must be probed.
type names struct {
	instance, host string
	domain         string // of the cluster, or empty
}

// namesOf cuts the id: a label has 63 letters at most, and 128 bits of it meet
// no second time.
func namesOf(node, domain string) names {
	n := names{instance: clip(node, 32) + "." + service, host: "picloud-" + clip(node, 32) + ".local."}
	if domain = strings.ToLower(strings.TrimSuffix(domain, ".")); strings.HasSuffix(domain, ".local") && len(domain) < 250 {
		n.domain = domain + "."
	}
	return n
}

// asked is a set of what is asked for.
type asked uint8

const (
	askedTypes asked = 1 << iota
	askedService
	askedInstance
	askedHost
	askedDomain
	askedAll = askedService | askedInstance | askedHost | askedDomain
)

// asks says what of a node a question asks for.
func (n names) asks(q question) asked {
	switch name := strings.ToLower(q.name); {
	case name == enumeration && q.is(typePTR):
		return askedTypes
	case name == service && q.is(typePTR):
		return askedService
	case name == n.instance && (q.is(typeSRV) || q.is(typeTXT)):
		return askedInstance
	case name == n.host && (q.is(typeA) || q.is(typeAAAA)):
		return askedHost
	case n.domain != "" && name == n.domain && (q.is(typeA) || q.is(typeAAAA)):
		return askedDomain
	}
	return 0
}
