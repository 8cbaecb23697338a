package clusterbench

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// caller sends requests to one server over one connection of its own, as a
// program of its own would.
type caller struct {
	http          *http.Client
	domain, token string
}

func newCaller(roots *x509.CertPool, domain, token, address string) *caller {
	return &caller{domain: domain, token: token, http: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: domain},
		MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}}
}

// callers are n, of the leader if none is named.
func (c *cluster) callers(n int, s *server) []*caller {
	c.Helper()
	if s == nil {
		s = c.leader()
	}
	all := make([]*caller, n)
	for i := range all {
		all[i] = newCaller(c.roots, c.domain, c.token, s.address)
		c.Cleanup(all[i].http.CloseIdleConnections)
	}
	return all
}

// repeated counts requests that were sent again, in all.
var repeated atomic.Int64

// send gives the position of the log that the answer speaks of, and its body. As
// etcd's client does, it asks again while nobody leads; that time counts.
func (c *caller) send(method, path string, body []byte, header ...string) (position uint64, answer []byte, err error) {
	for began := time.Now(); ; repeated.Add(1) {
		var status int
		status, position, answer, err = c.once(method, path, body, header...)
		if status < 500 || time.Since(began) > patience {
			return position, answer, err
		}
		<-time.After(10 * time.Millisecond)
	}
}

func (c *caller) once(method, path string, body []byte, header ...string) (status int, position uint64, answer []byte, err error) {
	request, err := http.NewRequest(method, "https://"+c.domain+path, bytes.NewReader(body))
	if err != nil {
		return 0, 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Prefer", "return=minimal")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return 0, 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, answer)
	}
	position, _ = strconv.ParseUint(response.Header.Get("Picloud-Position"), 10, 64) // 0 if it is not there
	return response.StatusCode, position, answer, err
}

// put makes one event of about 256 bytes.
func (c *caller) put(writer, i int) error {
	_, err := c.product(fmt.Sprint("p", (writer*4096+i)%1000), fmt.Sprintf("%d-%d-%d", writer, i, time.Now().UnixNano()))
	return err
}

// product writes a product with a description that begins with a word.
func (c *caller) product(name, word string) (position uint64, err error) {
	position, _, err = c.send(http.MethodPut, "/products/"+name,
		fmt.Appendf(nil, `{"description":"%s","version":"1.0.0"}`, padded(word)))
	return position, err
}

// padded is a description that makes an event of about 256 bytes.
func padded(word string) string { return word + strings.Repeat("x", max(0, 200-len(word))) }

// apply makes 100 events by one request; each writer has a deployment.
func (c *caller) apply(writer, i int) error {
	return c.deploy(fmt.Sprint("d", writer), 100, 1<<30+i)
}

// deploy applies a product with volumes, n resources, all of which a size or
// version that is new changes.
func (c *caller) deploy(name string, n, size int) error {
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"resources":[{"kind":"product","iri":"https://%s/products/%s","version":"1.0.%d"}`, c.domain, name, size%1e9)
	for v := range n - 1 {
		fmt.Fprintf(&body, `,{"kind":"volume","iri":"https://%s/products/%s/volumes/v%d","size":%d,"tags":{"team":"backend"}}`, c.domain, name, v, size)
	}
	body.WriteString("]}")
	_, _, err := c.send(http.MethodPost, "/apply?deployment="+name, body.Bytes())
	return err
}

// empty is a server whose handler does nothing: what the same writers reach
// with it is the ceiling of any.
func empty(t *testing.T) (roots *x509.CertPool, address string) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return roots, server.Listener.Addr().String()
}
