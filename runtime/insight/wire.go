package insight

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/codec"
	"github.com/picloud/picloud/generated/domain"
)

// reportMax bounds a report, in bytes.
const reportMax = 16 << 10

// encode writes what a node says of itself, in the form in which the log keeps a
// node.
func encode(status domain.NodeStatus) []byte {
	e := base.Encoder{Stored: true}
	codec.AppendResource(&e, &domain.Node{Head: domain.Head{Ref: "/nodes/self"}, Status: status})
	return e.Buffer
}

// decode reads a report of another machine and refuses what cannot be true: it
// goes into the log as it is.
func decode(text []byte) (domain.NodeStatus, error) {
	v, fault := base.ReadJSON(text, base.Limits{Bytes: reportMax, Nodes: 4096})
	if fault != nil {
		return domain.NodeStatus{}, fault
	}
	d := base.Decoder{Stored: true}
	node, ok := codec.DecodeResource(&d, v).(*domain.Node)
	if !ok || len(d.Violations) > 0 {
		return domain.NodeStatus{}, errors.New("the report does not describe a node")
	}
	return node.Status, check(node.Status)
}

func check(s domain.NodeStatus) error {
	line := func(name, value string, most int) error {
		if len(value) > most || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
			return fmt.Errorf("the %s of a report is no line of at most %d printable characters", name, most)
		}
		return nil
	}
	errs := []error{line("hostname", s.Hostname, 253), line("version", s.Version, 256), line("fingerprint", s.CertFingerprint, 64)}
	if len(s.Addresses) > 16 {
		errs = append(errs, errors.New("a report has more than 16 addresses"))
	}
	for _, a := range s.Addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			errs = append(errs, errors.New("an address of a report is no IP address"))
		}
	}
	if p := base.OrZero(s.Port); p < 0 || p > math.MaxUint16 {
		errs = append(errs, errors.New("the port of a report is none"))
	}
	return errors.Join(errs...)
}
