package iam

import (
	"crypto/hpke"
	"encoding/base64"
	"fmt"
	"strconv"
)

// wrapKEM is how keys are agreed on: DHKEM(X25519, HKDF-SHA256), RFC 9180,
// section 7.1.
func wrapKEM() hpke.KEM {
	kem, err := hpke.NewKEM(0x0020)
	if err != nil {
		panic("crypto/hpke lacks X25519: " + err.Error())
	}
	return kem
}

// ParseWrapKey reads a node's public wrapping key from base64url.
func ParseWrapKey(text string) (hpke.PublicKey, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("a wrapping key is 32 bytes in base64url: %w", err)
	}
	key, err := wrapKEM().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("it is no X25519 public key: %w", err)
	}
	// A point of low order (RFC 7748, section 6.1) is found only when something is
	// wrapped for it, which would be when the node is to vote.
	if _, _, err := hpke.NewSender(key, hpke.HKDFSHA256(), hpke.AES256GCM(), nil); err != nil {
		return nil, fmt.Errorf("nothing can be wrapped for it: %w", err)
	}
	return key, nil
}

// wrapInfo binds a wrapped key to the node and the generation that it is for.
func wrapInfo(node string, generation int) []byte {
	return []byte("picloud keyring v1\x00" + node + "\x00" + strconv.Itoa(generation))
}

// wrapFor wraps a generation of the master key for a node (HPKE, RFC 9180, base
// mode), as base64url.
func wrapFor(node, wrapKey string, generation int, master []byte) (string, error) {
	public, err := ParseWrapKey(wrapKey)
	if err != nil {
		return "", err
	}
	wrapped, err := hpke.Seal(public, hpke.HKDFSHA256(), hpke.AES256GCM(), wrapInfo(node, generation), master)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(wrapped), nil
}

// unwrap opens what was wrapped for this node.
func (i *Identity) unwrap(generation int, text string) ([]byte, error) {
	wrapped, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	return hpke.Open(i.wrap, hpke.HKDFSHA256(), hpke.AES256GCM(), wrapInfo(i.id, generation), wrapped)
}
