// Package payload says what the events of a kind hold and who causes them, in
// the terms in which the emitters of domain, codec and quads all need it.
//
// It derives everything from the plan and names nothing. Deliberately absent:
// code.
package payload
