package http

import (
	"net/http"
	"testing"
)

// What a member says that is just starting, or that does not know yet who is a
// member, is no leader's answer and must not be brought to a client.
func TestOnlyALeadersAnswerIsBrought(t *testing.T) {
	for what, c := range map[string]struct {
		header http.Header
		want   bool
	}{
		"a leader's":                    {http.Header{headerRequest: {"1"}}, true},
		"of one that does not lead":     {http.Header{headerRequest: {"1"}, NotLeader: {"true"}}, false},
		"of a port without a node":      {http.Header{"Retry-After": {"1"}}, false},
		"of a node that is no edge yet": {http.Header{NotLeader: {"true"}}, false},
	} {
		if got := ofLeader(&http.Response{Header: c.header}); got != c.want {
			t.Errorf("an answer %s counts: %t", what, got)
		}
	}
}
