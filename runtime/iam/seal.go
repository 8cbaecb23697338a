package iam

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
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
// values from different ones without opening them. It seals with the newest
// generation of the master key and opens what any of them sealed.
type Sealer struct {
	generations []sealing // newest first
}

// sealing is what one generation of the master key seals with.
type sealing struct {
	aead        cipher.AEAD
	fingerprint []byte
}

// NewSealer derives two keys from each generation (HKDF, RFC 5869), which has
// KeySize bytes.
func NewSealer(newest []byte, older ...[]byte) (*Sealer, error) {
	s := &Sealer{}
	for _, key := range append([][]byte{newest}, older...) {
		generation, err := newSealing(key)
		if err != nil {
			return nil, err
		}
		s.generations = append(s.generations, generation)
	}
	return s, nil
}

func newSealing(key []byte) (s sealing, err error) {
	if len(key) != KeySize {
		return s, fmt.Errorf("a sealing key has %d bytes, not %d", KeySize, len(key))
	}
	seal, err := derive(key, "picloud seal v1")
	if err != nil {
		return s, err
	}
	if s.fingerprint, err = derive(key, "picloud fingerprint v1"); err != nil {
		return s, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return s, err
	}
	s.aead, err = cipher.NewGCMWithRandomNonce(block)
	return s, err
}

// derive makes a key for one use of a generation of the master key.
func derive(master []byte, use string) ([]byte, error) {
	return hkdf.Expand(sha256.New, master, use, KeySize)
}

// Seal replaces the clear value by the sealed one. A value that is sealed or
// absent stays as it is.
func (s *Sealer) Seal(ref base.Ref, field string, v *base.Sensitive) error {
	if v.Clear == nil {
		return nil
	}
	newest, place := s.generations[0], place(ref, field)
	mac := hmac.New(sha256.New, newest.fingerprint)
	mac.Write(place)
	mac.Write(v.Clear)
	v.Fingerprint = base64.RawStdEncoding.EncodeToString(mac.Sum(nil))
	v.Sealed = newest.aead.Seal(nil, nil, v.Clear, place)
	clear(v.Clear)
	v.Clear = nil
	return nil
}

// ErrUnsealable says that a sealed value was changed, moved to another field,
// or sealed with a generation that is not known here.
var ErrUnsealable = errors.New("the sealed value cannot be opened: it was changed, moved, or sealed with another key")

// Open gives the clear value of a sealed one.
func (s *Sealer) Open(ref base.Ref, field string, v base.Sensitive) ([]byte, error) {
	for _, generation := range s.generations { // the value proves by itself whose it is
		if clear, err := generation.aead.Open(nil, nil, v.Sealed, place(ref, field)); err == nil {
			return clear, nil
		}
	}
	return nil, ErrUnsealable
}

// place is resource and field, each with its length before it, so that no two
// places share bytes.
func place(ref base.Ref, field string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(ref)))
	b = append(b, ref...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
	return append(b, field...)
}
