package enroll

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/iam"
)

// Bounds of the machine's side.
const (
	dialTime    = 10 * time.Second
	requestTime = 30 * time.Second
	answerMax   = 1 << 20 // bytes
	headersMax  = 64 << 10

	greetedMax = 64          // at once
	headStart  = time.Second // of those who come first in a list
)

// cluster is what answers at an address: the authority that it shows, and a
// client that trusts this authority alone.
type cluster struct {
	host      string // a name in its certificate
	authority string // fingerprint
	client    *http.Client
	refused   *base.Error // why it is not asked
	until     time.Time
}

// errFresh says that the other side is no member either.
var errFresh = errors.New("that node is no member of a cluster itself")

// greeting is what came of meeting whoever is at an address.
type greeting struct {
	address string
	*cluster
	err   error
	done  bool
	given bool
}

func (g *greeting) known() int {
	if g.cluster != nil {
		return 1
	}
	return 0
}

// greet meets who is not known yet at several addresses at once, and gives them in
// the order of the list. Who has not answered after the head start, together, is
// not waited for: strangers can announce addresses at which nobody answers.
func greet(ctx context.Context, list []*greeting, now func() time.Time) iter.Seq[*greeting] {
	return func(yield func(*greeting) bool) {
		ctx, cancel := context.WithCancel(ctx)
		came := make(chan *greeting, len(list)) // nobody waits to be heard
		var meeting sync.WaitGroup
		defer meeting.Wait()
		defer cancel()
		meeting.Go(func() { meetAll(ctx, list, now, came) })
		timer := time.NewTimer(headStart)
		defer timer.Stop()
		late := false
		for left := len(list); left > 0; {
			next := slices.IndexFunc(list, func(g *greeting) bool { return !g.given && (g.done || !late) })
			if next >= 0 && list[next].done {
				left--
				if list[next].given = true; !yield(list[next]) {
					return
				}
				continue
			}
			select {
			case g := <-came:
				g.done = true
			case <-timer.C:
				late = true
			case <-ctx.Done():
				return
			}
		}
	}
}

// meetAll meets all of a list, so many at once, until ctx ends.
func meetAll(ctx context.Context, list []*greeting, now func() time.Time, came chan<- *greeting) {
	places := make(chan struct{}, greetedMax)
	var meeting sync.WaitGroup
	defer meeting.Wait()
	for _, g := range list {
		if g.cluster != nil {
			came <- g
			continue
		}
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		meeting.Go(func() {
			g.cluster, g.err = meet(ctx, g.address, now)
			<-places
			came <- g
		})
	}
}

// meet asks at an address which authority is behind it. The first handshake
// trusts nobody and ends with the certificates that were shown; the second one
// trusts the authority among them, by all rules of crypto/tls. Whether it is the
// right one is for the code or the token to say.
func meet(ctx context.Context, address string, now func() time.Time) (*cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: x509.NewCertPool(), ServerName: "picloud.invalid"}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err == nil {
		return nil, errors.Join(errors.New("a certificate was trusted that nobody vouches for"), conn.Close())
	}
	var shown *tls.CertificateVerificationError
	if !errors.As(err, &shown) {
		return nil, err
	}
	chain := shown.UnverifiedCertificates
	if len(chain) < 2 {
		return nil, errFresh
	}
	leaf, authority := chain[0], chain[len(chain)-1]
	if !authority.IsCA || len(leaf.DNSNames) == 0 {
		return nil, fmt.Errorf("%s shows no certificate authority: it is no node of picloud", address)
	}
	return &cluster{host: leaf.DNSNames[0], authority: iam.Fingerprint(authority), client: clientFor(address, leaf, authority, now)}, nil
}

// clientFor speaks to one address and trusts one authority.
func clientFor(address string, leaf, authority *x509.Certificate, now func() time.Time) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: dialTime}).DialContext(ctx, network, address)
		},
		TLSClientConfig: &tls.Config{
			MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: leaf.DNSNames[0],
			Time: func() time.Time { return within(now(), leaf) },
		},
		TLSHandshakeTimeout: dialTime, IdleConnTimeout: time.Minute, DisableCompression: true,
		MaxResponseHeaderBytes: headersMax,
	}
	return &http.Client{
		Transport: transport, Timeout: requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// within is a time at which a certificate holds, the nearest to the machine's
// own: a board without a clock begins in 1970, and who vouches for the cluster is
// the code or the token.
func within(now time.Time, leaf *x509.Certificate) time.Time {
	switch {
	case now.Before(leaf.NotBefore):
		return leaf.NotBefore
	case now.After(leaf.NotAfter):
		return leaf.NotAfter
	}
	return now
}
