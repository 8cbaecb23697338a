package http

import (
	"mime"
	"net/http"
	"net/url"

	"github.com/picloud/picloud/gen/base"
	"github.com/picloud/picloud/runtime/sparql"
)

// sparqlRequest is a request of the SPARQL 1.1 Protocol.
type sparqlRequest struct {
	text    string // of the query or update
	asked   bool   // whether there was one
	updates bool
	explain bool
	// Of a query: default-graph-uri and named-graph-uri. Of an update:
	// using-graph-uri and using-named-graph-uri.
	defaults, named []string
}

// readProtocol reads a query in its three forms or an update in its two: GET,
// POST of a form, and POST of the text itself (SPARQL 1.1 Protocol, sections 2.1
// and 2.2).
func readProtocol(w http.ResponseWriter, r *http.Request, e endpoint) (sparqlRequest, error) {
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return sparqlRequest{}, &base.Error{Code: base.Unparsable, Detail: "the query string has a bad escape"}
	}
	if parameters.Has("update") {
		if err := e.mayUpdate(r); err != nil {
			return sparqlRequest{}, err
		}
		return sparqlRequest{}, &base.Error{Code: base.Unparsable, Detail: "an update changes something, so it is not part of an address: POST it, as a form or as a body of " + mediaUpdate}
	}
	if r.Method == http.MethodPost {
		if err := readPosted(w, r, e, parameters); err != nil {
			return sparqlRequest{}, err
		}
	}
	return parseProtocol(r, parameters)
}

// readPosted adds what a body says to the parameters of the address.
func readPosted(w http.ResponseWriter, r *http.Request, e endpoint, parameters url.Values) error {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	types, bound := []string{mediaQuery, mediaForm}, int64(queryBytes)
	switch mayNot := e.mayUpdate(r); {
	case mayNot == nil:
		types = append(types, mediaUpdate)
		if media != mediaQuery {
			bound = sparql.UpdateBytes
		}
	case media == mediaUpdate:
		return mayNot
	}
	data, media, err := readBody(w, r, bound, types...)
	if err != nil {
		return err
	}
	switch media {
	case mediaQuery:
		parameters.Add("query", string(data))
	case mediaUpdate:
		parameters.Set("update", string(data))
	case mediaForm:
		form, err := url.ParseQuery(string(data))
		if err != nil {
			return &base.Error{Code: base.Unparsable, Detail: "the form has a bad escape"}
		}
		if form.Has("update") {
			if err := e.mayUpdate(r); err != nil {
				return err
			}
		}
		for name, values := range form {
			parameters[name] = append(parameters[name], values...)
		}
	}
	return nil
}

// parseProtocol finds out what the parameters ask for.
func parseProtocol(r *http.Request, parameters url.Values) (sparqlRequest, error) {
	queries, updates := parameters["query"], parameters["update"]
	request := sparqlRequest{
		asked: len(queries) == 1, updates: len(updates) == 1, explain: parameters.Get("explain") == "true",
		defaults: parameters["default-graph-uri"], named: parameters["named-graph-uri"],
	}
	using, usingNamed := parameters["using-graph-uri"], parameters["using-named-graph-uri"]
	bad := ""
	switch {
	case len(queries)+len(updates) > 1:
		bad = "one request asks one query or carries out one update; there are several"
	case r.Method == http.MethodPost && len(queries)+len(updates) == 0:
		bad = "there is neither a query nor an update; send it as the field query or update of the form"
	case request.updates && request.explain:
		bad = "an update is not explained, and it was not carried out; ask for its pattern as a query"
	case request.updates && len(request.defaults)+len(request.named) > 0:
		bad = "an update chooses its graphs with using-graph-uri and using-named-graph-uri; default-graph-uri and named-graph-uri are for queries"
	case !request.updates && len(using)+len(usingNamed) > 0:
		bad = "a query chooses its graphs with default-graph-uri and named-graph-uri; using-graph-uri and using-named-graph-uri are for updates"
	}
	if bad != "" {
		return request, &base.Error{Code: base.Unparsable, Detail: bad}
	}
	switch {
	case request.updates:
		request.text, request.defaults, request.named = updates[0], using, usingNamed
	case request.asked:
		request.text = queries[0]
		if len(request.text) > queryBytes {
			return request, tooLarge(queryBytes)
		}
	}
	return request, nil
}
