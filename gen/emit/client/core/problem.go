package client

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/picloud/picloud/gen/base"
)

// problem reads a problem document (RFC 9457). What is none becomes an error
// with the status line, so that a proxy's answer is not lost.
func problem(response *http.Response, body []byte) error {
	var p struct {
		Type       string           `json:"type"`
		Detail     string           `json:"detail"`
		Title      string           `json:"title"`
		Rule       string           `json:"rule"`
		Instance   string           `json:"instance"`
		Revision   base.Position    `json:"revision"`
		Violations []base.Violation `json:"violations"`
		Resources  []string         `json:"resources"`
	}
	root := "https://" + response.Request.URL.Host
	e := &base.Error{}
	if json.Unmarshal(body, &p) == nil {
		e.Code = base.CodeOfIRI(p.Type)
	}
	if e.Code == "" {
		e.Code = base.CodeOfStatus(response.StatusCode)
		e.Detail = "the server answered " + response.Status
		return e
	}
	e.Detail, e.Rule, e.Revision, e.Violations = p.Detail, p.Rule, p.Revision, p.Violations
	if e.Detail == "" {
		e.Detail = p.Title
	}
	e.Ref = base.Ref(strings.TrimPrefix(p.Instance, root))
	for _, iri := range p.Resources {
		e.Resources = append(e.Resources, base.Ref(strings.TrimPrefix(iri, root)))
	}
	e.RetryAfter, _ = strconv.Atoi(response.Header.Get("Retry-After"))
	return e
}
