package base

import (
	"net/http"
	"strings"
)

// Code says what the reader of an error does next. The set is closed: SDKs
// switch on it.
type Code string

const (
	Invalid         Code = "invalid"         // breaks a shape; all violations are listed
	Unparsable      Code = "unparsable"      // not even the format is right
	Unauthenticated Code = "unauthenticated" // who are you
	Forbidden       Code = "forbidden"       // not allowed
	NotFound        Code = "not_found"       // no such thing, or not yours to see
	Conflict        Code = "conflict"        // the phase, a reference or a rule forbids it
	Stale           Code = "stale"           // If-Match is not current
	Exhausted       Code = "exhausted"       // a declared limit
	Unavailable     Code = "unavailable"     // not applied; try again
	Uncertain       Code = "uncertain"       // may have been applied; repeat with the same key
	TooLarge        Code = "too_large"
	Method          Code = "method"        // the resource has no such method
	NotAcceptable   Code = "unacceptable"  // none of the asked types is served
	MediaType       Code = "media_type"    // the body's type is not read
	Gone            Code = "gone"          // compacted away
	Full            Code = "full"          // the disk's mark is reached
	Unimplemented   Code = "unimplemented" // not supported here
	Internal        Code = "internal"      // our bug; only an id leaves the server
)

// Status is the HTTP status of the code.
func (c Code) Status() int {
	switch c {
	case Invalid:
		return http.StatusUnprocessableEntity
	case Unparsable:
		return http.StatusBadRequest
	case Unauthenticated:
		return http.StatusUnauthorized
	case Forbidden:
		return http.StatusForbidden
	case NotFound:
		return http.StatusNotFound
	case Conflict:
		return http.StatusConflict
	case Stale:
		return http.StatusPreconditionFailed
	case Exhausted:
		return http.StatusTooManyRequests
	case Unavailable:
		return http.StatusServiceUnavailable
	case Uncertain:
		return http.StatusGatewayTimeout
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	case Method:
		return http.StatusMethodNotAllowed
	case NotAcceptable:
		return http.StatusNotAcceptable
	case MediaType:
		return http.StatusUnsupportedMediaType
	case Gone:
		return http.StatusGone
	case Full:
		return http.StatusInsufficientStorage
	case Unimplemented:
		return http.StatusNotImplemented
	}
	return http.StatusInternalServerError
}

// Error is the one error that crosses the boundaries of packages. Constructors
// are deliberately absent: a literal &Error{Code: …, Detail: …} shows every
// part at the place where the error is made.
type Error struct {
	Code       Code
	Detail     string      // one sentence for people, leading to the next step
	Rule       string      // IRI of the rule that forbids it, or ""
	Ref        Ref         // the resource it is about, or ""
	Violations []Violation // of Invalid and Unparsable
	Resources  []Ref       // of Conflict: who stands in the way
	Revision   Position    // of Stale: the current one
	RetryAfter int         // seconds, of Exhausted and Unavailable; 0 = unknown
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Detail)
	if e.Detail == "" {
		b.WriteString(string(e.Code))
	}
	for _, v := range e.Violations {
		b.WriteString("\n  ")
		b.WriteString(v.String())
	}
	for _, r := range e.Resources {
		b.WriteString("\n  ")
		b.WriteString(string(r))
	}
	return b.String()
}


// IRI is the type of the problem document (RFC 9457, section 3.1.1). Codes
// that call for the same next step share one.
func (c Code) IRI() string {
	switch c {
	case Invalid, Unparsable:
		return Ontology + "ErrorInvalid"
	case Unauthenticated:
		return Ontology + "ErrorUnauthenticated"
	case Forbidden:
		return Ontology + "ErrorForbidden"
	case NotFound:
		return Ontology + "ErrorNotFound"
	case Conflict:
		return Ontology + "ErrorConflict"
	case Stale:
		return Ontology + "ErrorStale"
	case Exhausted:
		return Ontology + "ErrorExhausted"
	case Unavailable:
		return Ontology + "ErrorUnavailable"
	case Uncertain:
		return Ontology + "ErrorUncertain"
	case TooLarge:
		return Ontology + "ErrorTooLarge"
	case Method, NotAcceptable, MediaType:
		return Ontology + "ErrorUnsupported"
	case Gone:
		return Ontology + "ErrorGone"
	case Full:
		return Ontology + "ErrorFull"
	case Unimplemented:
		return Ontology + "ErrorUnimplemented"
	}
	return Ontology + "ErrorInternal"
}
