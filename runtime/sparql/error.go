package sparql

import (
	"fmt"

	"github.com/picloud/picloud/runtime/sparql/syntax"
)

// Code is the stable name of a sort of failure; what HTTP makes of it is the
// server's affair.
type Code string

// The codes.
const (
	// CodeSyntax is a text that is not SPARQL; Error.Syntax tells the place.
	CodeSyntax Code = "syntax"
	// CodeUnsupported is valid SPARQL that this engine refuses to run.
	CodeUnsupported Code = "unsupported"
	// CodeTimeout is a query that ran longer than Limits.Timeout.
	CodeTimeout Code = "timeout"
	// CodeCanceled is a query whose caller went away.
	CodeCanceled Code = "canceled"
	// CodeOverBudget is a query that needs more rows or memory than allowed.
	CodeOverBudget Code = "over-budget"
)

// Error is what Parse and Execute fail with.
type Error struct {
	Code    Code
	Message string
	// Syntax is set for CodeSyntax.
	Syntax *syntax.Error
}

func (e *Error) Error() string { return e.Message }

// Unwrap gives errors.As the place of a syntax error.
func (e *Error) Unwrap() error {
	if e.Syntax == nil {
		return nil
	}
	return e.Syntax
}

func errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}
