package enroll

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/enroll/ticket"
	"github.com/picloud/picloud/runtime/iam"
)

// Path is where a machine asks to be let in.
const Path = "/-/enroll"

// bodyMax is how large a request may be, in bytes; addressesMax how many
// addresses it may name.
const (
	bodyMax      = 16 << 10
	addressesMax = 16
)

// message is what a machine sends, twice: first with a commitment, then with the
// nonce that it stands for and the challenge that it got.
type message struct {
	CSR        string   `json:"csr"` // PEM
	WrapKey    string   `json:"wrapKey"`
	Name       string   `json:"name"`
	Cluster    string   `json:"cluster,omitempty"` // that is wanted, if one is
	Token      string   `json:"token,omitempty"`
	Port       int64    `json:"port"`                // at which it answers
	Addresses  []string `json:"addresses,omitempty"` // at which it believes to answer
	Commitment string   `json:"commitment,omitempty"`
	Nonce      string   `json:"nonce,omitempty"`
	Challenge  string   `json:"challenge,omitempty"`
	Proof      string   `json:"proof"`
}

// Member is a node that a new member can reach.
type Member struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Port      int64    `json:"port"`
}

// reply is what the cluster answers: a challenge, a code to compare, or the
// membership.
type reply struct {
	Challenge   string   `json:"challenge,omitempty"`
	Code        string   `json:"code,omitempty"`
	Retry       int      `json:"retry,omitempty"` // seconds
	Certificate string   `json:"certificate,omitempty"`
	Roots       string   `json:"roots,omitempty"`
	ClusterID   string   `json:"clusterId,omitempty"`
	Domain      string   `json:"domain,omitempty"`
	Name        string   `json:"name,omitempty"`
	Members     []Member `json:"members,omitempty"`

	waits *domain.Enrollment // known already, and not decided
}

// signed is the digest that the proof signs: everything else that is said, to
// the cluster of this authority.
func (m *message) signed(authority string) []byte {
	unsigned := *m
	unsigned.Proof = ""
	text, err := json.Marshal(unsigned)
	if err != nil { // text and numbers: cannot happen
		panic(err)
	}
	return digest("picloud enrolment v1", authority, string(text))
}

// wish is a message that is well formed, with what it proves.
type wish struct {
	message
	request *iam.Request
	address netip.Addr // from which it came
	counted bool       // as an attempt
}

// read judges the form of a message. It is the first thing that strangers meet.
func read(body []byte, address netip.Addr) (*wish, error) {
	w := &wish{address: address}
	if err := w.decode(body); err != nil {
		return w, err
	}
	if !base.IsName(w.Name) {
		return w, invalid("the name %.80q names no node; use lower-case letters, digits and hyphens, beginning with a letter", w.Name)
	}
	var err error
	if w.request, err = iam.ParseRequest([]byte(w.CSR)); err != nil {
		return w, err
	}
	if w.request.Name != w.Name {
		return w, invalid("the machine calls itself %q, but its request for a certificate is for %.80q", w.Name, w.request.Name)
	}
	if _, err := iam.ParseWrapKey(w.WrapKey); err != nil {
		return w, invalid("wrapKey: %v", err)
	}
	if w.Port < 1 || w.Port > 65535 {
		return w, invalid("port %d is none; it is 1 to 65535", w.Port)
	}
	if err := w.checkAddresses(); err != nil {
		return w, err
	}
	return w, w.checkNumbers()
}

// decode reads the fields of a message, strictly.
func (w *wish) decode(body []byte) error {
	v, failed := base.ReadJSON(body, base.Limits{Bytes: bodyMax, Depth: 2, Nodes: 64})
	if failed != nil {
		return failed
	}
	texts := map[string]*string{
		"csr": &w.CSR, "wrapKey": &w.WrapKey, "name": &w.Name, "cluster": &w.Cluster, "token": &w.Token,
		"commitment": &w.Commitment, "nonce": &w.Nonce, "challenge": &w.Challenge, "proof": &w.Proof,
	}
	d := &base.Decoder{}
	for m := range d.Members(v) {
		switch text := texts[m.Name]; {
		case text != nil:
			*text = d.Text(m.Value)
		case m.Name == "port":
			w.Port = d.Integer(m.Value)
		case m.Name == "addresses":
			for item := range d.Items(m.Value) {
				w.Addresses = append(w.Addresses, d.Text(item))
			}
		default:
			d.Unknown(m, slices.Sorted(maps.Keys(texts))...)
		}
	}
	if len(d.Violations) > 0 {
		return &base.Error{Code: base.Invalid, Detail: "the request to be enrolled breaks a rule", Violations: d.Violations}
	}
	return nil
}

// checkAddresses leaves addresses that others could use: those of the loopback
// only for who asks over it.
func (w *wish) checkAddresses() error {
	if len(w.Addresses) > addressesMax {
		return invalid("%d addresses are too many; %d are taken", len(w.Addresses), addressesMax)
	}
	for _, text := range w.Addresses {
		if address, err := netip.ParseAddr(text); err != nil || address.Zone() != "" || !address.IsGlobalUnicast() && !(address.IsLoopback() && w.address.IsLoopback()) {
			return invalid("%.80q is no address at which others reach a machine", text)
		}
	}
	return nil
}

// checkNumbers demands a commitment, or a nonce and a challenge.
func (w *wish) checkNumbers() error {
	given := []string{w.Commitment}
	if w.Commitment == "" {
		given = []string{w.Nonce, w.Challenge}
	} else if w.Nonce != "" || w.Challenge != "" {
		return invalid("a request has a commitment, or a nonce and a challenge; this one has both")
	}
	for _, text := range given {
		if raw, err := base64.RawURLEncoding.Strict().DecodeString(text); err != nil || len(raw) != nonceSize {
			return invalid("commitment, nonce and challenge are %d bytes each, in base64url", nonceSize)
		}
	}
	return nil
}

// proves reports whether the message was made by who has the key, for the
// cluster of this authority.
func (w *wish) proves(authority string) bool {
	proof, err := base64.RawURLEncoding.Strict().DecodeString(w.Proof)
	return err == nil && w.request.Verify(w.signed(authority), proof)
}

// wants reports whether the machine means the cluster with this id.
func (w *wish) wants(cluster string) bool {
	if w.Cluster != "" && !strings.EqualFold(w.Cluster, cluster) {
		return false
	}
	if w.Token == "" {
		return true
	}
	read, err := ticket.Parse(w.Token)
	return err != nil || read.Cluster == cluster // what is no token is refused as such
}

func invalid(format string, arguments ...any) error {
	return &base.Error{Code: base.Invalid, Detail: fmt.Sprintf(format, arguments...)}
}
