package http_test

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
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// writers sends requests from n writers at once until b is done and reports how
// many a second were answered.
func writers(b *testing.B, client *http.Client, n int, request func(i int64) *http.Request) {
	b.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan string, n)
	b.ResetTimer()
	began := time.Now()
	for range n {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				response, err := client.Do(request(i))
				if err != nil {
					failed <- err.Error()
					return
				}
				body, _ := io.ReadAll(response.Body)
				response.Body.Close()
				if response.StatusCode >= 300 {
					failed <- fmt.Sprint(response.StatusCode, " ", string(body))
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	select {
	case message := <-failed:
		b.Fatal(message)
	default:
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "requests/s")
}

// BenchmarkEmpty is H(n): an empty handler over the same TLS client. It is the
// ceiling of what follows.
func BenchmarkEmpty(b *testing.B) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			client := benchClient(pool, "example.com", server.Listener.Addr().String())
			writers(b, client, n, func(int64) *http.Request {
				r, _ := http.NewRequest("PUT", "https://example.com/", strings.NewReader(benchBody(1)))
				return r
			})
		})
	}
}

// benchClient has one connection for each writer, as separate clients would.
func benchClient(pool *x509.CertPool, name, address string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool, ServerName: name},
		MaxIdleConnsPerHost: 256,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}}
}

func benchBody(i int64) string {
	return fmt.Sprintf(`{"description":"written by %d %s","version":"1.0.%d"}`, i, strings.Repeat("x", 180), i)
}

// BenchmarkCommit is durable single-event commits through the edge.
func BenchmarkCommit(b *testing.B) {
	c, client := startBench(b)
	for _, n := range []int{1, 16, 256} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			writers(b, client, n, func(i int64) *http.Request {
				return c.request("PUT", fmt.Sprintf("/products/p%d", i%1000), "application/json", []byte(benchBody(i*int64(n)+time.Now().UnixNano()%1000)))
			})
		})
	}
}

// BenchmarkApply100 is 100 events in one request: a deployment whose resources
// all change.
func BenchmarkApply100(b *testing.B) {
	c, client := startBench(b)
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			writers(b, client, n, func(i int64) *http.Request {
				return c.request("POST", fmt.Sprintf("/apply?deployment=d%d", i%16), "application/json", deployment(fmt.Sprintf("d%d", i%16), 100, i))
			})
			b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkApply1000 is one deployment of 1,000 resources.
func BenchmarkApply1000(b *testing.B) {
	c, client := startBench(b)
	writers(b, client, 1, func(i int64) *http.Request {
		return c.request("POST", "/apply?deployment=big", "application/json", deployment("big", 1000, i))
	})
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/apply")
}

// deployment is a product with volumes, each different in every round.
func deployment(name string, n int, round int64) []byte {
	var body bytes.Buffer
	fmt.Fprintf(&body, `{"resources":[{"kind":"product","iri":"https://picloud.local/products/%s","version":"1.0.%d"}`, name, round)
	for i := range n - 1 {
		fmt.Fprintf(&body, `,{"kind":"volume","iri":"https://picloud.local/products/%s/volumes/v%d","size":%d,"tags":{"team":"backend"}}`, name, i, 1<<30+round)
	}
	body.WriteString("]}")
	return body.Bytes()
}

type benchCluster struct{ token string }

func (c benchCluster) request(method, path, media string, body []byte) *http.Request {
	r, err := http.NewRequest(method, "https://picloud.local"+path, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", media)
	r.Header.Set("Prefer", "return=minimal")
	return r
}

// startBench starts a node on a real disk: PICLOUD_BENCH_DIR, else the usual
// temporary folder.
func startBench(b *testing.B) (benchCluster, *http.Client) {
	dir, err := os.MkdirTemp(os.Getenv("PICLOUD_BENCH_DIR"), "picloud-bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	c := start(b, dir)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.node.CA())
	return benchCluster{c.node.AdminToken()}, benchClient(pool, "picloud.local", c.address)
}

// BenchmarkStore asks and changes a store that has many graphs, over TLS.
func BenchmarkStore(b *testing.B) {
	c := shop(b)
	var text strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&text, "<http://e/s> <http://e/p> \"%d\" <http://e/g%d> .\n", i, i)
	}
	c.want(204, c.do("PUT", rdfStore+"/graph", text.String()+"<http://e/s> <http://e/p> \"x\" .\n", nquads))
	b.Run("query", func(b *testing.B) {
		for b.Loop() {
			c.askStore(`SELECT ?o { <http://e/s> <http://e/p> ?o }`)
		}
	})
	b.Run("update", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c.want(204, c.update(fmt.Sprintf(`INSERT DATA { <http://e/x> <http://e/y> %d }`, i)))
		}
	})
}
