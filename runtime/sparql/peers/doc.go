// Package peers is what the query engine is measured by: two data sets, the
// queries over them, and, in its test, the engines that answer the same beside
// ours (`make bench-graph`).
//
// Invariants: the data is the same for the same size, whatever the machine and
// the year; every engine gets the same file, and its answers are compared with
// ours before its times are.
//
// Deliberately absent: figures (they stand in DESIGN.md of package sparql, with
// what they led to) and assertions about time.
package peers
