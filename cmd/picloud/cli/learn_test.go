package cli

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestContextFollowsTheNodesOfItsCluster(t *testing.T) {
	nodes := `{"items":[
		{"kind":"node","iri":"https://example.com/nodes/a","name":"a","status":{"phase":"ready","addresses":["10.0.0.1","fe80::1"],"port":7443}},
		{"kind":"node","iri":"https://example.com/nodes/b","name":"b","status":{"phase":"ready","addresses":["10.0.0.2"],"port":443}}]}`
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/nodes" {
			fmt.Fprint(w, nodes)
			return
		}
		fmt.Fprint(w, `{"items":[]}`)
	}))
	defer server.Close()
	for _, c := range []struct {
		what      string
		endpoints []string
		age       time.Duration
		want      []string
	}{
		{"a context that follows", []string{}, time.Hour, []string{"https://10.0.0.1:7443", "https://10.0.0.2:443"}},
		{"a node that is gone", []string{"https://10.0.0.9:443"}, time.Hour, []string{"https://10.0.0.1:7443", "https://10.0.0.2:443"}},
		{"one of a cluster that begins", []string{}, 0, []string{"https://10.0.0.1:7443", "https://10.0.0.2:443"}},
		{"one that asked just now", []string{"https://10.0.0.8:443", "https://10.0.0.9:443"}, 0, []string{"https://10.0.0.8:443", "https://10.0.0.9:443"}},
		{"one that means one node", nil, time.Hour, nil},
	} {
		data, err := json.Marshal(contextFile{
			Endpoint: server.URL, Endpoints: c.endpoints, Domain: "example.com", Token: "pct_secret",
			CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		})
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "client.json")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-c.age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		a := &App{Stdout: new(bytes.Buffer), Stderr: new(bytes.Buffer), Env: func(string) (string, bool) { return "", false }}
		if code := a.Run(t.Context(), []string{"--context", path, "resource", "list", "product"}); code != ExitDone {
			t.Fatalf("%s: exit code %d: %s", c.what, code, a.Stderr)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var now contextFile
		if err := json.Unmarshal(text, &now); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(now.Endpoints, c.want) || now.Token != "pct_secret" || now.Endpoint != server.URL {
			t.Errorf("%s: got %s, want endpoints %q", c.what, text, c.want)
		}
	}
}
