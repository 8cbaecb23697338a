package ticket

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Sizes of the parts of a ticket, in bytes.
const (
	version       = 1
	clusterSize   = 16 // a UUID
	authoritySize = sha256.Size
	secretSize    = 32
	size          = 1 + clusterSize + authoritySize + secretSize
)

// prefix tells tickets from other secrets, for people and for those who look
// for leaked ones.
const prefix = "pce_"

// Ticket is what the holder of a ticket can read from it.
type Ticket struct {
	Cluster   string // UUID
	Authority string // SHA-256 of the authority's certificate, in hexadecimal
}

// New makes a ticket for a cluster, and the digest to keep of it. The ticket is
// to be shown once.
func New(t Ticket) (text, digest string, err error) {
	cluster, err := hex.DecodeString(strings.ReplaceAll(t.Cluster, "-", ""))
	if err != nil || len(cluster) != clusterSize {
		return "", "", fmt.Errorf("%q is not the id of a cluster, which is a UUID", t.Cluster)
	}
	authority, err := hex.DecodeString(t.Authority)
	if err != nil || len(authority) != authoritySize {
		return "", "", fmt.Errorf("%q is not the fingerprint of a certificate, which is 64 hexadecimal digits", t.Authority)
	}
	raw := append([]byte{version}, cluster...)
	raw = append(raw, authority...)
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails: crypto/rand ends the program instead
	text = prefix + base64.RawURLEncoding.EncodeToString(append(raw, secret...))
	return text, Digest(text), nil
}

// Digest is what a cluster keeps of a ticket: the SHA-256 of its text, in
// hexadecimal.
func Digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Parse reads a ticket. No error holds any part of it.
func Parse(text string) (Ticket, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), prefix)
	if !ok {
		return Ticket{}, errors.New(`it is no enrolment token; one begins with "` + prefix + `" (picloud node token makes them)`)
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	switch {
	case err != nil || len(raw) == 0:
		return Ticket{}, errors.New("the enrolment token is damaged; copy it whole")
	case raw[0] != version:
		return Ticket{}, fmt.Errorf("the enrolment token is of a later release (form %d); this one reads form %d", raw[0], version)
	case len(raw) != size:
		return Ticket{}, errors.New("the enrolment token is not complete; copy it whole")
	}
	id := hex.EncodeToString(raw[1 : 1+clusterSize])
	return Ticket{
		Cluster:   id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:],
		Authority: hex.EncodeToString(raw[1+clusterSize : 1+clusterSize+authoritySize]),
	}, nil
}
