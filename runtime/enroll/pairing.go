package enroll

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"time"
)

// nonceSize is the length of the random numbers of both sides, in bytes.
const nonceSize = 32

// digest is the SHA-256 of a use and of parts, each with its length before it,
// so that no two lists of parts share bytes.
func digest(use string, parts ...string) []byte {
	h := sha256.New()
	write(h, use, parts)
	return h.Sum(nil)
}

func write(h hash.Hash, use string, parts []string) {
	for _, part := range append([]string{use}, parts...) {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write([]byte(part))
	}
}

// commitment hides a nonce and fixes it.
func commitment(nonce string) string {
	return base64.RawURLEncoding.EncodeToString(digest("picloud enrolment commitment v1", nonce))
}

// challengeLife is how long a challenge is good for: within one life before and
// after it.
const challengeLife = 10 * time.Minute

// challenge is the cluster's random number for whoever asks with a commitment.
// It is computed, not kept: every node that votes gives the same, and strangers
// fill no memory.
func challenge(secret []byte, at time.Time, commitment, id, wrapKey string) string {
	mac := hmac.New(sha256.New, secret)
	epoch := binary.BigEndian.AppendUint64(nil, uint64(at.Unix())/uint64(challengeLife/time.Second))
	write(mac, "picloud enrolment challenge v1", []string{string(epoch), commitment, id, wrapKey})
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// challenged reports whether a challenge was given to whoever asks, not long ago.
func challenged(given string, secret []byte, at time.Time, commitment, id, wrapKey string) bool {
	now := challenge(secret, at, commitment, id, wrapKey)
	before := challenge(secret, at.Add(-challengeLife), commitment, id, wrapKey)
	return hmac.Equal([]byte(given), []byte(now)) || hmac.Equal([]byte(given), []byte(before))
}

// alphabet is Crockford's base 32: no I, L, O or U, so that nobody misreads it.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// code is what people compare on two screens: 40 bits over the authority that the
// machine sees, the machine's keys, and the random numbers of both.
func code(authority, id, wrapKey, nonce, challenge string) string {
	sum := digest("picloud pairing code v1", authority, id, wrapKey, nonce, challenge)
	bits := uint64(0)
	for _, b := range sum[:5] {
		bits = bits<<8 | uint64(b)
	}
	text := make([]byte, 0, 9)
	for i := range 8 {
		if i == 4 {
			text = append(text, '-')
		}
		text = append(text, alphabet[bits>>(35-5*i)&31])
	}
	return string(text)
}
