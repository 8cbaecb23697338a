//go:build !linux

package discovery

import "context"

// listen leaves it to looking from time to time.
func (*responder) listen(context.Context) <-chan struct{} { return nil }
