package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/picloud/picloud/gen/base"
)

// Sealer turns clear values of sensitive fields into what the log may hold:
// AES-256-GCM (NIST SP 800-38D) with a random nonce, bound to the resource and
// field, and a keyed fingerprint (HMAC-SHA-256, RFC 2104) that tells equal
// values from different ones without opening them.
type Sealer struct {
	aead        cipher.AEAD
	fingerprint []byte
}

// NewSealer derives its two keys from one of KeySize bytes (HKDF, RFC 5869).
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("a sealing key has %d bytes, not %d", KeySize, len(key))
	}
	seal, err := hkdf.Expand(sha256.New, key, "picloud seal v1", KeySize)
	if err != nil {
		return nil, err
	}
	fingerprint, err := hkdf.Expand(sha256.New, key, "picloud fingerprint v1", KeySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead, fingerprint}, nil
}

// Seal replaces the clear value by the sealed one. A value that is sealed or
// absent stays as it is.
func (s *Sealer) Seal(ref base.Ref, field string, v *base.Sensitive) {
	if v.Clear == nil {
		return
	}
	place := place(ref, field)
	mac := hmac.New(sha256.New, s.fingerprint)
	mac.Write(place)
	mac.Write(v.Clear)
	v.Fingerprint = base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
	v.Sealed = s.aead.Seal(nil, nil, v.Clear, place)
	clear(v.Clear)
	v.Clear = nil
}

// ErrUnsealable says that a sealed value was changed, moved to another field,
// or sealed with another key.
var ErrUnsealable = errors.New("the sealed value cannot be opened: it was changed, moved, or sealed with another key")

// Open gives the clear value of a sealed one.
func (s *Sealer) Open(ref base.Ref, field string, v base.Sensitive) ([]byte, error) {
	clear, err := s.aead.Open(nil, nil, v.Sealed, place(ref, field))
	if err != nil {
		return nil, ErrUnsealable
	}
	return clear, nil
}

// place is resource and field, each with its length before it, so that no two
// places share bytes.
func place(ref base.Ref, field string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(ref)))
	b = append(b, ref...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}

// NewNonce is 256 random bits as text, for tokens and names that nobody guesses.
func NewNonce() string {
	var b [KeySize]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
