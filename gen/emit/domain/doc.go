// Package domain emits generated/domain: the Go types of every kind and the
// law that moves them.
//
// One file holds what is the same for all kinds (domain.go.txt, copied as it
// is); the rest follows the plan, one file per kind and one per slice for
// value objects. Deliberately absent: names, which the plan gives.
package domain
