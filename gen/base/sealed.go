package base

import "log/slog"

// Sensitive is the value of a write-only field. It holds the clear value from
// the request until the leader seals it, and the sealed form from then on. It
// never prints itself.
type Sensitive struct {
	Clear       []byte // only between request and seal
	Sealed      []byte // nonce and AES-256-GCM ciphertext
	Removed     bool   // only in a command: what was kept is to go
	Fingerprint string // keyed digest of IRI, field and value: equal digest, equal value
}

// IsZero reports whether no value was given or kept.
func (s Sensitive) IsZero() bool { return s.Clear == nil && s.Sealed == nil }

// Kept is the value after a command: the new one where one is given, none
// where it is to go, else what was kept.
func (s Sensitive) Kept(before Sensitive) Sensitive {
	if s.Removed {
		return Sensitive{}
	}
	if s.IsZero() {
		return before
	}
	return s
}

// Same reports whether two sealed values are equal, by their keyed digests:
// sealing the same value twice gives different bytes.
func (s Sensitive) Same(o Sensitive) bool {
	return s.IsZero() == o.IsZero() && s.Fingerprint == o.Fingerprint
}

// String hides the value from fmt and everything that prints with it.
func (s Sensitive) String() string { return "(sensitive)" }

// GoString hides the value from %#v.
func (s Sensitive) GoString() string { return "base.Sensitive{}" }

// LogValue hides the value from structured logs.
func (s Sensitive) LogValue() slog.Value { return slog.StringValue("(sensitive)") }

// MarshalJSON hides the value from encoding/json.
func (s Sensitive) MarshalJSON() ([]byte, error) { return []byte(`"(sensitive)"`), nil }
