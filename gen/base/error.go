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
func (c Code) Status() int { return c.row().status }

// IRI is the type of the problem document (RFC 9457, section 3.1.1): the
// member of the ontology's enumeration of error codes.
func (c Code) IRI() string { return Ontology + c.row().member }

type codeRow struct {
	status int
	member string
}

func (c Code) row() codeRow {
	switch c {
	case Invalid:
		return codeRow{http.StatusUnprocessableEntity, "ErrorInvalid"}
	case Unparsable:
		return codeRow{http.StatusBadRequest, "ErrorUnparsable"}
	case Unauthenticated:
		return codeRow{http.StatusUnauthorized, "ErrorUnauthenticated"}
	case Forbidden:
		return codeRow{http.StatusForbidden, "ErrorForbidden"}
	case NotFound:
		return codeRow{http.StatusNotFound, "ErrorNotFound"}
	case Conflict:
		return codeRow{http.StatusConflict, "ErrorConflict"}
	case Stale:
		return codeRow{http.StatusPreconditionFailed, "ErrorStale"}
	case Exhausted:
		return codeRow{http.StatusTooManyRequests, "ErrorExhausted"}
	case Unavailable:
		return codeRow{http.StatusServiceUnavailable, "ErrorUnavailable"}
	case Uncertain:
		return codeRow{http.StatusGatewayTimeout, "ErrorUncertain"}
	case TooLarge:
		return codeRow{http.StatusRequestEntityTooLarge, "ErrorTooLarge"}
	case Method:
		return codeRow{http.StatusMethodNotAllowed, "ErrorMethod"}
	case NotAcceptable:
		return codeRow{http.StatusNotAcceptable, "ErrorNotAcceptable"}
	case MediaType:
		return codeRow{http.StatusUnsupportedMediaType, "ErrorMediaType"}
	case Gone:
		return codeRow{http.StatusGone, "ErrorGone"}
	case Full:
		return codeRow{http.StatusInsufficientStorage, "ErrorFull"}
	case Unimplemented:
		return codeRow{http.StatusNotImplemented, "ErrorUnimplemented"}
	}
	return codeRow{http.StatusInternalServerError, "ErrorInternal"}
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

// Codes lists all codes.
func Codes() []Code {
	return []Code{
		Invalid, Unparsable, Unauthenticated, Forbidden, NotFound, Conflict, Stale, Exhausted, Unavailable, Uncertain,
		TooLarge, Method, NotAcceptable, MediaType, Gone, Full, Unimplemented, Internal,
	}
}

// CodeOfIRI is the code whose problem documents have a type, or "".
func CodeOfIRI(iri string) Code {
	for _, c := range Codes() {
		if c.IRI() == iri {
			return c
		}
	}
	return ""
}

// CodeOfStatus is the code that an HTTP status without a problem document
// stands for.
func CodeOfStatus(status int) Code {
	for _, c := range Codes() {
		if c.Status() == status {
			return c
		}
	}
	if status >= 500 {
		return Unavailable
	}
	return Invalid
}

// Repeatable reports whether the same request, with the same idempotency key,
// may succeed when it is sent again. A limit that no waiting lifts names no
// time to wait.
func (e *Error) Repeatable() bool {
	return e.Code == Unavailable || e.Code == Uncertain || e.Code == Exhausted && e.RetryAfter > 0
}
