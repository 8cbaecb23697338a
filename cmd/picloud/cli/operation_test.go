package cli

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// against runs the command line against a server of the test.
func against(t *testing.T, answers http.HandlerFunc, interactive bool, input string, arguments ...string) (code int, out, said string) {
	t.Helper()
	server := httptest.NewTLSServer(answers)
	defer server.Close()
	data, err := json.Marshal(contextFile{
		Endpoint: server.URL, Domain: "example.com",
		CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "client.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	a := &App{Stdin: strings.NewReader(input), Stdout: &stdout, Stderr: &stderr, Interactive: interactive, Env: func(string) (string, bool) { return "", false }}
	code = a.Run(t.Context(), append([]string{"--context", file}, arguments...))
	return code, stdout.String(), stderr.String()
}

func TestOperationThatHappenedIsNotCalledSoAlready(t *testing.T) {
	for _, test := range []struct {
		status         int
		location, want string
	}{
		{http.StatusAccepted, "https://example.com/events?after=0", "was taken"},
		{http.StatusNoContent, "https://example.com/events?after=0", "is done"},
		{http.StatusOK, "", "is so already"},
	} {
		_, out, said := against(t, func(w http.ResponseWriter, _ *http.Request) {
			if test.location != "" {
				w.Header().Set("Location", test.location)
			}
			w.WriteHeader(test.status)
		}, false, "", "node", "drain", "vm")
		if want := "drain of /nodes/vm " + test.want; !strings.HasPrefix(out, want) {
			t.Errorf("%d: %q %s, want %q", test.status, out, said, want)
		}
	}
}

func TestPersonIsAskedBeforeANodeIsRemoved(t *testing.T) {
	for _, test := range []struct {
		input, flag string
		code, asked int
	}{{"n\n", "--yes=false", ExitRefused, 0}, {"y\n", "--yes=false", ExitDone, 1}, {"", "--yes", ExitDone, 1}} {
		requests := 0
		code, _, said := against(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				requests++
			case r.URL.Path == "/-/cluster":
				_, _ = w.Write([]byte(`{"leader":"other"}`))
			default:
				w.WriteHeader(http.StatusNotFound) // it has left
			}
		}, true, test.input, "node", "remove", "vm", test.flag)
		if code != test.code || requests != test.asked || (test.input != "") != strings.Contains(said, "Remove /nodes/vm?") {
			t.Errorf("%q %s: exit %d after %d requests: %s", test.input, test.flag, code, requests, said)
		}
	}
}

func TestDoctorFailsWhereNothingCanBeWritten(t *testing.T) {
	code, out, said := against(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"reads":true,"writes":false,"reason":"the disk is full"}`))
	}, false, "", "doctor")
	if code != ExitRefused || !strings.Contains(out, "takes no writes: the disk is full") {
		t.Errorf("exit %d: %s%s", code, out, said)
	}
}
