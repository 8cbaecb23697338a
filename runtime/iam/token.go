package iam

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/generated/domain"
	"github.com/picloud/picloud/runtime/command"
	"github.com/picloud/picloud/runtime/state"
)

// NewToken makes a bearer token and the digest that the cluster keeps of it:
// SHA-256 in hexadecimal. With 256 random bits behind it a plain digest tells
// nothing.
func NewToken() (token, digest string) {
	var b [KeySize]byte
	rand.Read(b[:])
	token = "pct_" + base64.RawURLEncoding.EncodeToString(b[:])
	return token, Digest(token)
}

// Digest of a bearer token.
func Digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// LoadToken reads a token from a file that only its owner may read, or makes
// one there.
func LoadToken(path string) (string, error) {
	token, err := ReadToken(path)
	if token != "" || err != nil {
		return token, err
	}
	token, _ = NewToken()
	return token, WriteSecret(path, []byte(token+"\n"))
}

// ReadToken reads a token from a file that only its owner may read; "" when
// there is none.
func ReadToken(path string) (string, error) {
	text, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// Tokens proves who bears a token, from the token resources of the state. It
// remembers the digests until a token is made, changed or revoked.
type Tokens struct {
	Now func() time.Time

	mu       sync.Mutex
	at       base.Position // of the last event about any token
	byDigest map[string]*domain.Token
}

var _ command.Authenticator = (*Tokens)(nil)

// Authenticate finds the principal of a token that is known and not expired.
func (t *Tokens) Authenticate(s *state.State, token string) (command.Principal, error) {
	if token == "" {
		return command.Principal{}, &base.Error{Code: base.Unauthenticated, Detail: `send a bearer token: "Authorization: Bearer …"`}
	}
	digest := Digest(token)
	known := t.digests(s)[digest]
	if known == nil || subtle.ConstantTimeCompare([]byte(known.Spec.Digest), []byte(digest)) != 1 {
		return command.Principal{}, &base.Error{Code: base.Unauthenticated, Detail: "the token is not known here; it may have been revoked"}
	}
	if expired(known, base.TimeOf(t.Now())) {
		return command.Principal{}, &base.Error{Code: base.Unauthenticated, Detail: fmt.Sprintf("the token expired at %s; make a new one with \"picloud token create\"", known.Spec.ExpiresAt)}
	}
	return command.Principal{Actor: known.Ref, Role: roleOf(known.Spec.Role)}, nil
}

func roleOf(r domain.TokenRole) command.Role {
	switch r {
	case domain.TokenRoleAdmin:
		return command.Admin
	case domain.TokenRoleRead:
		return command.Reader
	}
	return ""
}

// digests are the tokens of a state by digest.
func (t *Tokens) digests(s *state.State) map[string]*domain.Token {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := s.LastIn(tokens()); t.byDigest == nil || last != t.at {
		t.at, t.byDigest = last, map[string]*domain.Token{}
		for entry := range s.List(tokens(), "") {
			if token, ok := entry.Resource.(*domain.Token); ok {
				t.byDigest[token.Spec.Digest] = token
			}
		}
	}
	return t.byDigest
}
