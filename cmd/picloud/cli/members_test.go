package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// enrolling is a cluster at which pi-2 waits with a code.
type enrolling struct {
	approved, rejected int
	sent, match        string
}

func (e *enrolling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	body, _ := io.ReadAll(r.Body)
	switch r.Method + " " + r.URL.Path {
	case "GET /enrollments/pi-2":
		_, _ = io.WriteString(w, `{"name":"pi-2","kind":"enrollment","status":{"phase":"pending","revision":41,"code":"7KQ2-M9XD","address":"192.168.1.22","fingerprint":"9f86"}}`)
	case "GET /enrollments":
		_, _ = io.WriteString(w, `{"items":[{"name":"pi-2","status":{"phase":"pending"}}]}`)
	case "POST /enrollments/pi-2/approve":
		e.approved++
		e.match = r.Header.Get("If-Match")
		w.WriteHeader(http.StatusAccepted)
	case "POST /enrollments/pi-2/reject":
		e.rejected++
		e.sent, e.match = string(body), r.Header.Get("If-Match")
		w.WriteHeader(http.StatusAccepted)
	default:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"type":"https://picloud.local/ontology#ErrorNotFound","status":404,"detail":"no such thing"}`)
	}
}

func TestMachineIsApprovedOnlyWithItsCode(t *testing.T) {
	for _, test := range []struct {
		name        string
		interactive bool
		input       string
		flags       []string
		code        int
		approved    int
		says        string
	}{
		{"its code", false, "", []string{"--code", "7KQ2-M9XD"}, ExitDone, 1, "approved"},
		{"its code as people write it", false, "", []string{"--code", "7kq2m9xd"}, ExitDone, 1, "approved"},
		{"another code", false, "", []string{"--code", "7KQ2-M9XE"}, ExitRefused, 0, "somebody stands in between"},
		{"another code and yes", false, "", []string{"--code", "0000-0000", "--yes"}, ExitRefused, 0, "nothing was approved"},
		{"nobody to ask", false, "", nil, ExitUsage, 0, "--code"},
		{"yes", false, "", []string{"--yes"}, ExitDone, 1, "7KQ2-M9XD"},
		{"a person says yes", true, "y\n", nil, ExitDone, 1, "Does the machine show this code?"},
		{"a person says no", true, "n\n", nil, ExitRefused, 0, "7KQ2-M9XD"},
	} {
		e := &enrolling{}
		code, _, said := against(t, e.ServeHTTP, test.interactive, test.input, append([]string{"node", "approve", "pi-2"}, test.flags...)...)
		if code != test.code || e.approved != test.approved || !strings.Contains(said, test.says) {
			t.Errorf("%s: exit %d, approved %d times, said %s", test.name, code, e.approved, said)
		}
		if e.approved > 0 && e.match != `"41"` {
			t.Errorf("%s: approved whatever waits now, not what was shown: If-Match %s", test.name, e.match)
		}
	}
}

func TestMachineIsTurnedAwayWithAReason(t *testing.T) {
	e := &enrolling{}
	if code, _, said := against(t, e.ServeHTTP, false, "", "node", "reject", "pi-2", "--reason", "not mine"); code != ExitDone || e.rejected != 1 ||
		e.sent != `{"reason":"not mine"}` || e.match != `"41"` {
		t.Errorf("exit %d, sent %s, If-Match %s, said %s", code, e.sent, e.match, said)
	}
}

func TestWhoWaitsIsSaidWhereNobodyOfTheNameDoes(t *testing.T) {
	e := &enrolling{}
	for _, verb := range []string{"approve", "reject"} {
		code, _, said := against(t, e.ServeHTTP, false, "", "node", verb, "pi-3")
		if code != ExitNotFound || !strings.Contains(said, `as "pi-3"; waiting: pi-2`) {
			t.Errorf("%s: exit %d, said %s", verb, code, said)
		}
	}
	if code, _, said := against(t, e.ServeHTTP, false, "", "node", "approve", "../nodes"); code != ExitUsage {
		t.Errorf("exit %d, said %s", code, said)
	}
}
