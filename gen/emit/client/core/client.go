package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/picloud/picloud/gen/base"
)

// Config says where a cluster is and who asks.
type Config struct {
	Endpoints []string // "https://127.0.0.1:7443": where nodes listen, any of which will do
	Domain    string   // of the cluster: "picloud.local"; names are below https://{Domain}
	CA        []byte   // PEM of the cluster's CA; empty = the system's roots
	Token     string   // bearer token; empty = anonymous
	// Attempts is how often a request is sent to each node before its failure
	// counts, 1 for once; 0 means 4. Only failures that a repetition can mend are
	// repeated.
	Attempts int
	// Patience is for how long failed requests are sent again, once each node was
	// tried; 0 means 5 s, which is longer than an election takes.
	Patience time.Duration
}

// Client is safe for concurrent use. It stays with one node until that fails,
// and what it has seen of the log no other node will show it without.
type Client struct {
	root     string
	token    string
	attempts int
	patience time.Duration
	nodes    *nodes
	seen     atomic.Uint64 // the highest position of an answer
}

// New makes a client. It sends nothing yet.
func New(cfg Config) (*Client, error) {
	nodes, err := newNodes(cfg)
	if err != nil {
		return nil, err
	}
	attempts := cfg.Attempts
	if attempts == 0 {
		attempts = 4
	}
	patience := cfg.Patience
	if patience == 0 {
		patience = 5 * time.Second
	}
	return &Client{root: "https://" + nodes.domain, token: cfg.Token, attempts: attempts, patience: patience, nodes: nodes}, nil
}

// Root is what the addresses of the cluster begin with: "https://picloud.local".
func (c *Client) Root() string { return c.root }

// Close drops idle connections.
func (c *Client) Close() { c.nodes.close() }

// Endpoints are the nodes that the client knows, the one it uses first.
func (c *Client) Endpoints() []string { return c.nodes.endpoints() }

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

// repeat sends a request until it succeeds or a repetition cannot help. A node
// that fails is left for the next one at once; after all of them it waits.
func (c *Client) repeat(ctx context.Context, request *Request, send func() error) error {
	if request.Key == "" && request.Method != http.MethodGet && request.Method != http.MethodHead {
		request.Key = rand.Text()
	}
	var failures failures
	wait, end := 100*time.Millisecond, time.Now().Add(c.patience)
	for attempt := 1; ; attempt++ {
		err := send()
		var failed *base.Error
		if err == nil || !errors.As(err, &failed) || !failed.Repeatable() {
			return err
		}
		failures.add(failed)
		known := c.nodes.count()
		if attempt >= c.attempts*known || attempt >= known && time.Now().After(end) {
			return failures.worst()
		}
		if attempt%known != 0 {
			continue
		}
		wait = max(wait, time.Duration(failures.retryAfter)*time.Second)
		if time.Now().Add(wait).After(end) || !pause(ctx, wait) {
			return failures.worst()
		}
		wait *= 3
	}
}

// failures are those of one request, sent again and again.
type failures struct {
	last       *base.Error
	told       *base.Error // by a node; others could not be reached
	uncertain  *base.Error // what came later promises nothing about this one
	retryAfter int         // seconds, that the last node asked for
}

func (f *failures) add(e *base.Error) {
	f.last = e
	switch {
	case e.Code == base.Uncertain:
		f.uncertain = e
	case e.RetryAfter > 0:
		f.told = e
	}
	f.retryAfter = max(f.retryAfter, e.RetryAfter)
}

// worst is the one that says most to whoever waited.
func (f *failures) worst() error {
	switch {
	case f.uncertain != nil:
		return f.uncertain
	case f.told != nil:
		return f.told
	}
	return f.last
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
		return nil, lost(ctx, request, true, err)
	case len(body) > maxAnswer:
		return nil, &base.Error{Code: base.TooLarge, Detail: fmt.Sprintf("the answer is over %d MiB; ask for less", maxAnswer>>20)}
	case response.StatusCode >= 400:
		return nil, problem(response, body)
	case response.StatusCode >= 300 && response.StatusCode != http.StatusNotModified:
		return nil, &base.Error{Code: base.NotFound, Detail: "the canonical address is " + response.Header.Get("Location")}
	}
	position, _ := strconv.ParseUint(response.Header.Get("Picloud-Position"), 10, 64)
	c.see(position)
	return &Answer{Status: response.StatusCode, Header: response.Header, Body: body, Position: base.Position(position)}, nil
}

// see remembers how far the log was seen.
func (c *Client) see(position uint64) {
	for before := c.seen.Load(); before < position; before = c.seen.Load() {
		if c.seen.CompareAndSwap(before, position) {
			return
		}
	}
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
	var connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	r, err := http.NewRequestWithContext(traced, request.Method, address, bytes.NewReader(request.Body))
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
	if at := max(request.At, base.Position(c.seen.Load())); at > 0 {
		r.Header.Set("Picloud-Min-Position", at.String())
	}
	node := c.nodes.pick()
	response, err := node.http.Do(r)
	switch {
	case err != nil:
		c.nodes.leave(node)
		return nil, lost(ctx, request, connected.Load(), err)
	case response.StatusCode == http.StatusServiceUnavailable:
		c.nodes.leave(node)
	}
	return response, nil
}

// lost names what a broken connection means: nothing was applied if none came
// about, with its handshake, a read can simply be repeated, a write may have been applied.
func lost(ctx context.Context, request *Request, connected bool, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return &base.Error{Code: base.Forbidden, Detail: "the node is not of this cluster: " + certificate.Err.Error()}
	}
	if !connected || request.Method == http.MethodGet || request.Method == http.MethodHead {
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
