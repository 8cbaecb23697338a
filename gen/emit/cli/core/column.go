package cli

import "github.com/picloud/picloud/gen/base"

// Column is one column of a table for people.
type Column struct {
	Title   string
	Pointer string      // RFC 6901 into the JSON of a resource: "/status/phase"
	Syntax  base.Syntax // of quantities
	Time    bool        // it holds moments
}
