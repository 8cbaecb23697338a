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

// What the cluster is without the node is said before somebody agrees. Where
// nobody can be asked it stays, unless --yes is given.
func TestNodeIsRemovedOnlyWhenSomebodyAgrees(t *testing.T) {
	for _, test := range []struct {
		person      bool
		input, flag string
		code, asked int
	}{
		{true, "n\n", "--yes=false", ExitRefused, 0}, {true, "", "--yes=false", ExitRefused, 0}, {true, "y\n", "--yes=false", ExitDone, 1}, {true, "", "--yes", ExitDone, 1},
		{false, "y\n", "--yes=false", ExitUsage, 0}, {false, "", "--yes", ExitDone, 1},
	} {
		requests := 0
		code, _, said := against(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Method == http.MethodPost:
				requests++
			case r.URL.Path == "/-/cluster":
				serve(t, w, three(func(o *overview) { o.Nodes[1].Without = &bearing{Voters: 2, InReach: 2, Quorum: 2} }))
			default:
				w.WriteHeader(http.StatusNotFound) // it has left
			}
		}, test.person, test.input, "node", "remove", "pi-2", test.flag)
		if code != test.code || requests != test.asked {
			t.Errorf("%+v: exit %d after %d requests: %s", test, code, requests, said)
		}
		agreed := test.flag == "--yes"
		for _, want := range []string{"Remove /nodes/pi-2?", "2 of 2 answer; 2 are a majority", "writes stop when either node is gone", "Its key opens nothing"} {
			if strings.Contains(said, want) == agreed {
				t.Errorf("%+v: %q is said: %t\n%s", test, want, !agreed, said)
			}
		}
		if test.code == ExitUsage && !strings.Contains(said, "give --yes") {
			t.Errorf("what to do is not said: %s", said)
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
