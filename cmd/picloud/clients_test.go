//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStockClients lets clients of others read and write a product's store
// through a real node over TLS. curl is taken as it is; those of Python and
// JavaScript are installed into the folder that PICLOUD_CLIENTS names.
func TestStockClients(t *testing.T) {
	dir := t.TempDir()
	t.Cleanup(run(t, "curl ", "dev", "--dir", dir, "--listen", "127.0.0.1:0"))
	var node struct{ Endpoint, Token string }
	text, err := os.ReadFile(filepath.Join(dir, "client.json"))
	if err == nil {
		err = json.Unmarshal(text, &node)
	}
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	store := node.Endpoint + "/products/shop/rdf-stores/stock"
	t.Run("curl", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			t.Skip("curl is not installed:", err)
		}
		curl := func(want string, arguments ...string) {
			t.Helper()
			got := command(t, "", "curl", append([]string{"--silent", "--show-error", "--fail-with-body", "--cacert", ca, "--header", "Authorization: Bearer " + node.Token}, arguments...)...)
			if !strings.Contains(got, want) {
				t.Errorf("curl %v: got %q, want %q", arguments, got, want)
			}
		}
		curl("shop", "--request", "PUT", "--json", `{"version":"1.0.0"}`, node.Endpoint+"/products/shop")
		curl("stock", "--request", "PUT", "--json", `{}`, store)
		curl("", "--data-urlencode", `update=INSERT DATA { <http://e/curl> <http://e/says> "curl" }`, store+"/sparql")
		curl("curl\r\n", "--get", "--data-urlencode", "query=SELECT ?o { <http://e/curl> ?p ?o }", "--header", "Accept: text/csv", store+"/sparql")
		curl("", "--request", "PUT", "--header", "Content-Type: text/turtle", "--data", `<http://e/s> <http://e/p> "direct" .`, store+"/graph/by/curl")
		curl(`"direct"`, "--header", "Accept: text/turtle", store+"/graph/by/curl")
		curl("", "--request", "DELETE", store+"/graph/by/curl")
	})
	folder := os.Getenv("PICLOUD_CLIENTS")
	here, err := filepath.Abs(filepath.Join("testdata", "clients"))
	if err != nil {
		t.Fatal(err)
	}
	t.Run("Python", func(t *testing.T) {
		python := filepath.Join(folder, "venv", "bin", "python")
		installed(t, folder, python, []string{"python3", "-m", "venv", "venv"},
			[]string{python, "-m", "pip", "install", "--quiet", "SPARQLWrapper==2.0.0", "rdflib==7.1.4"})
		t.Setenv("SSL_CERT_FILE", ca)
		t.Logf("%s", command(t, folder, python, filepath.Join(here, "client.py"), store, node.Token))
	})
	t.Run("JavaScript", func(t *testing.T) {
		installed(t, folder, filepath.Join(folder, "node_modules"),
			[]string{"npm", "install", "--prefix", ".", "--no-audit", "--no-fund", "sparql-http-client@3.1.0", "fetch-sparql-endpoint@7.2.0"})
		script := filepath.Join(folder, "client.mjs") // packages are looked for beside it
		text, err := os.ReadFile(filepath.Join(here, "client.mjs"))
		if err == nil {
			err = os.WriteFile(script, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NODE_EXTRA_CA_CERTS", ca)
		t.Logf("%s", command(t, folder, "node", script, store, node.Token))
	})
}

// installed installs what is not there yet, or says why it cannot be.
func installed(t *testing.T, folder, there string, commands ...[]string) {
	t.Helper()
	if folder == "" {
		t.Skip("it installs clients from their registries; name a folder for them: PICLOUD_CLIENTS=DIR")
	}
	if _, err := os.Stat(there); err == nil {
		return
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		install := exec.Command(c[0], c[1:]...)
		install.Dir = folder
		if said, err := install.CombinedOutput(); err != nil {
			t.Skipf("%v: %v\n%s", c, err, said)
		}
	}
}

func command(t *testing.T, dir, name string, arguments ...string) string {
	t.Helper()
	c := exec.Command(name, arguments...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
