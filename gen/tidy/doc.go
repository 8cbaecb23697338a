// Package tidy tests the repository itself: who may import whom, that every
// package says what it is, that files keep their budget, that banned calls
// stay out, that output is not stale and that nothing of a machine got in.
//
// It has no code, only tests; each names the replacement or the command that
// repairs. Tables of exceptions give a reason for each, and a row that matches
// nothing fails, so that they cannot outlive what they excused.
package tidy
