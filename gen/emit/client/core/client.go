package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// Config says where a cluster is and who asks.
type Config struct {
	Endpoint string // "https://127.0.0.1:7443": where a node listens
	Domain   string // of the cluster: "picloud.local"; names are below https://{Domain}
	CA       []byte // PEM of the cluster's CA; empty = the system's roots
	Token    string // bearer token; empty = anonymous
	// Attempts is how often a request is sent before its failure counts, 1 for
	// once; 0 means 4. Only failures that a repetition can mend are repeated.
	Attempts int
}

// Client is safe for concurrent use.
type Client struct {
	root     string
	token    string
	attempts int
	http     *http.Client
}

// New makes a client. It sends nothing yet.
func New(cfg Config) (*Client, error) {
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil || endpoint.Scheme != "https" || endpoint.Host == "" {
		return nil, fmt.Errorf("endpoint %q is no https address such as https://127.0.0.1:7443", cfg.Endpoint)
	}
	domain := cfg.Domain
	if domain == "" {
		domain = endpoint.Hostname()
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: domain}
	if len(cfg.CA) > 0 {
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(cfg.CA) {
			return nil, errors.New("the CA holds no certificate in PEM")
		}
	}
	address := endpoint.Host
	if endpoint.Port() == "" {
		address = net.JoinHostPort(endpoint.Hostname(), "443")
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	attempts := cfg.Attempts
	if attempts == 0 {
		attempts = 4
	}
	return &Client{
		root: "https://" + domain, token: cfg.Token, attempts: attempts,
		http: &http.Client{
			Transport: &http.Transport{
				// names of the cluster are reached at the one endpoint, whatever they resolve to
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return dialer.DialContext(ctx, network, address)
				},
				TLSClientConfig:     trust,
				ForceAttemptHTTP2:   true,
				MaxIdleConnsPerHost: 64,
				IdleConnTimeout:     time.Minute,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Root is what the addresses of the cluster begin with: "https://picloud.local".
func (c *Client) Root() string { return c.root }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Request is one request. Only Method and Path are needed.
type Request struct {
	Method      string
	Path        string // from the root, with escapes: "/products/photo-app"
	Query       url.Values
	Accept      string
	ContentType string
	Body        []byte
	IfMatch     string
	IfNoneMatch string
	Key         string        // idempotency key of a write; "" = one is made
	At          base.Position // a read waits for this position
	After       string        // ID of the last event of a stream that was seen
}

// Answer is a successful answer.
type Answer struct {
	Status   int
	Header   http.Header
	Body     []byte
	Position base.Position // of the log, as the answering node saw it
}

// Revision is the revision in the answer's ETag, 0 without one.
func (a *Answer) Revision() base.Position {
	revision, _, _ := strings.Cut(strings.Trim(a.Header.Get("ETag"), `"`), ".")
	n, _ := strconv.ParseUint(revision, 10, 64)
	return base.Position(n)
}

// maxAnswer bounds what is read into memory, in bytes.
const maxAnswer = 64 << 20

// Do sends a request, again where that can help, and reads the whole answer.
// Its errors are *base.Error, or those of ctx.
func (c *Client) Do(ctx context.Context, request Request) (answer *Answer, err error) {
	err = c.repeat(ctx, &request, func() error {
		answer, err = c.once(ctx, &request)
		return err
	})
	return answer, err
}

// repeat sends a request until it succeeds or a repetition cannot help.
func (c *Client) repeat(ctx context.Context, request *Request, send func() error) error {
	if request.Key == "" && request.Method != http.MethodGet && request.Method != http.MethodHead {
		request.Key = rand.Text()
	}
	wait := 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := send()
		var failed *base.Error
		if err == nil || attempt == c.attempts || !errors.As(err, &failed) || !failed.Repeatable() {
			return err
		}
		if !pause(ctx, max(wait, time.Duration(failed.RetryAfter)*time.Second)) {
			return err
		}
		wait *= 3
	}
}

func (c *Client) once(ctx context.Context, request *Request) (*Answer, error) {
	response, err := c.send(ctx, request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, lost(ctx, request, err)
	case len(body) > maxAnswer:
		return nil, &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the answer is over %d MiB; ask for less", maxAnswer>>20)}
	case response.StatusCode >= 400:
		return nil, problem(response, body)
	case response.StatusCode >= 300 && response.StatusCode != http.StatusNotModified:
		return nil, &base.Error{Code: base.NotFound, Detail: "the canonical address is " + response.Header.Get("Location")}
	}
	position, _ := strconv.ParseUint(response.Header.Get("Picloud-Position"), 10, 64)
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body, Position: base.Position(position)}, nil
}

// Open sends a request as Do does and gives its successful answer with the body
// unread, for what is too long to be read whole. The caller closes the body.
func (c *Client) Open(ctx context.Context, request Request) (response *http.Response, err error) {
	err = c.repeat(ctx, &request, func() error {
		response, err = c.open(ctx, &request)
		return err
	})
	return response, err
}

func (c *Client) open(ctx context.Context, request *Request) (*http.Response, error) {
	response, err := c.send(ctx, request)
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return nil, problem(response, body)
}

// send sends a request once and gives the answer with its body unread.
func (c *Client) send(ctx context.Context, request *Request) (*http.Response, error) {
	address := c.root + request.Path
	if len(request.Query) > 0 {
		address += "?" + request.Query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, request.Method, address, bytes.NewReader(request.Body))
	if err != nil {
		return nil, &base.Error{Code: base.Invalid, Detail: fmt.Sprintf("%q is no path", request.Path)}
	}
	for name, value := range map[string]string{
		"Accept": request.Accept, "Content-Type": request.ContentType,
		"If-Match": request.IfMatch, "If-None-Match": request.IfNoneMatch,
		"Idempotency-Key": request.Key, "Last-Event-ID": request.After,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if request.At > 0 {
		r.Header.Set("Picloud-Min-Position", request.At.String())
	}
	response, err := c.http.Do(r)
	if err != nil {
		return nil, lost(ctx, request, err)
	}
	return response, nil
}

// lost names what a broken connection means: nothing was applied if none came
// about, a read can simply be repeated, a write may have been applied.
func lost(ctx context.Context, request *Request, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return &base.Error{Code: base.Forbidden, Detail: "the node is not of this cluster: " + certificate.Err.Error()}
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" || request.Method == http.MethodGet || request.Method == http.MethodHead {
		return &base.Error{Code: base.Unavailable, Detail: "the node cannot be reached: " + reason(err)}
	}
	return &base.Error{Code: base.Uncertain, Detail: "the connection was lost before the answer: " + reason(err)}
}

// reason is the innermost message: the address around it is known.
func reason(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err.Error()
	}
	return err.Error()
}
