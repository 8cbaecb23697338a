// Package expr writes the expressions over fields that the emitters of domain,
// codec and quads share.
//
// Deliberately absent: statements, and names, which the plan gives.
package expr
