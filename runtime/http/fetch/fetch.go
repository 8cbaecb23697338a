package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/rdf"
)

// Config says from where documents may come, and how large they may be.
type Config struct {
	// Hosts are names and addresses, with a port where it is not 443:
	// "data.example", "10.0.0.7:8443". An address that is not public is dialled
	// only if it is listed itself, whatever name leads there.
	Hosts []string
	Bytes int            // of a document; 0 means 32 MiB
	Quads int            // of a document; 0 means 500,000
	Time  time.Duration  // for a document; 0 means 15 s
	Roots *x509.CertPool // nil means those of the system
}

// Fetcher is safe for concurrent use.
type Fetcher struct {
	cfg       Config
	hosts     map[string]bool // with their port
	addresses map[netip.Addr]bool
	client    *http.Client
}

// New makes a fetcher. The error names what is no host.
func New(cfg Config) (*Fetcher, error) {
	if cfg.Bytes == 0 {
		cfg.Bytes = 32 << 20
	}
	if cfg.Quads == 0 {
		cfg.Quads = 500_000
	}
	if cfg.Time == 0 {
		cfg.Time = 15 * time.Second
	}
	f := &Fetcher{cfg: cfg, hosts: map[string]bool{}, addresses: map[netip.Addr]bool{}}
	for _, entry := range cfg.Hosts {
		u, err := url.Parse("https://" + entry)
		if err != nil || u.Host != entry || u.Hostname() == "" {
			return nil, fmt.Errorf("%q is no host such as data.example or 10.0.0.7:8443", entry)
		}
		f.hosts[hostOf(u)] = true
		if address, err := netip.ParseAddr(u.Hostname()); err == nil {
			f.addresses[address.Unmap()] = true
		}
	}
	dialer := &net.Dialer{Control: f.control}
	f.client = &http.Client{
		Transport: &http.Transport{ // without a proxy: that would dial for us
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: cfg.Roots, MinVersion: tls.VersionTLS12},
			DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > 5 {
				return errors.New("it leads on more than 5 times")
			}
			if r.URL.Scheme != via[0].URL.Scheme || hostOf(r.URL) != hostOf(via[0].URL) {
				return fmt.Errorf("it leads to another host, %s; load from there if that is meant", r.URL.Host)
			}
			return f.allowed(r.URL)
		},
	}
	return f, nil
}

// hostOf is the host of an address with its port, in one spelling.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// allowed refuses addresses that are not to be spoken to.
func (f *Fetcher) allowed(u *url.URL) error {
	address, err := netip.ParseAddr(u.Hostname())
	loopback := err == nil && address.Unmap().IsLoopback()
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback):
		return errors.New("documents come over https only")
	case u.User != nil:
		return errors.New("no credentials are sent; leave them out of the address")
	case !f.hosts[hostOf(u)]:
		return fmt.Errorf("%s is not among the hosts that this server reads from; its operator lists them (--load-http)", u.Host)
	}
	return nil
}

// control looks at the address that is about to be dialled, after names were
// resolved: a name may mean another address each time it is asked for.
func (f *Fetcher) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if ip := at.Addr().Unmap(); !public(ip) && !f.addresses[ip] {
		return errors.New("its name leads to an address that is not public; the operator may list that address too (--load-http)")
	}
	return nil
}

// special are networks that are not the public internet though they look like
// it (IANA's registries of special-purpose addresses), and those by which an
// IPv4 address hides in an IPv6 one.
var special = parsed("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")

func parsed(networks ...string) (all []netip.Prefix) {
	for _, network := range networks {
		all = append(all, netip.MustParsePrefix(network))
	}
	return all
}

func public(ip netip.Addr) bool {
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && ip.Zone() == "" &&
		!slices.ContainsFunc(special, func(network netip.Prefix) bool { return network.Contains(ip) })
}

// formats are those of one graph, as LOAD reads them.
var formats = []rdf.Format{rdf.Turtle, rdf.NTriples, rdf.JSONLD, rdf.RDFXML}

// Load reads the document at an IRI. Hold is asked for the memory that so many
// bytes of text will become quads in.
func (f *Fetcher) Load(ctx context.Context, source string, hold func(bytes int) error) ([]base.Quad, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.cfg.Time, fmt.Errorf("it took over %s", f.cfg.Time))
	defer cancel()
	text, format, from, err := f.get(ctx, source)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	if err := hold(len(text)); err != nil {
		return nil, err
	}
	var quads []base.Quad
	err = rdf.Parse(bytes.NewReader(text), format, rdf.Options{Base: from, MaxBytes: f.cfg.Bytes}, func(s rdf.Statement) error {
		if len(quads) == f.cfg.Quads {
			return fmt.Errorf("it has more than %d triples", f.cfg.Quads)
		}
		quads = append(quads, s.Quad)
		return context.Cause(ctx)
	})
	return quads, err
}

// get reads a document; from is the address that it had in the end, against
// which its relative IRIs are resolved (RFC 3986, section 5.1.3).
func (f *Fetcher) get(ctx context.Context, source string) (text []byte, format rdf.Format, from string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, source, nil)
	if err != nil {
		return nil, 0, "", errors.New("it is no address")
	}
	if err := f.allowed(r.URL); err != nil {
		return nil, 0, "", err
	}
	r.Header.Set("Accept", "text/turtle, application/n-triples, application/ld+json;q=0.9, application/rdf+xml;q=0.8")
	r.Header.Set("User-Agent", "picloud")
	response, err := f.client.Do(r)
	if err != nil {
		var failed *url.Error // it repeats the address
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, 0, "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, 0, "", fmt.Errorf("its host answers %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	}
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	format, ok := rdf.FormatOf(media)
	if !ok || !slices.Contains(formats, format) || media != format.MediaType() {
		return nil, 0, "", fmt.Errorf("it comes as %q, which is no graph in Turtle, N-Triples, JSON-LD or RDF/XML", media)
	}
	text, err = io.ReadAll(io.LimitReader(response.Body, int64(f.cfg.Bytes)+1))
	if err == nil && len(text) > f.cfg.Bytes {
		err = fmt.Errorf("it is larger than %d bytes", f.cfg.Bytes)
	}
	return text, format, response.Request.URL.String(), err
}
