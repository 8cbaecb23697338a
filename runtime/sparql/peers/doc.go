// Package peers is what the query engine is measured by: two data sets, the
// queries over them, and, in its tests, the engines that answer the same beside
// ours (`make bench-graph`): through the API of each, and over HTTP, where ours is
// the program itself with TLS and the others are the servers that they ship. Its
// other test asks engines random queries and lists where they answer otherwise
// (`make diff-graph`, differences.md).
//
// Invariants: the data is the same for the same size, whatever the machine and
// the year; every engine gets the same file, and its answers are compared with
// ours before its times are.
//
// Deliberately absent: figures (they stand in DESIGN.md of package sparql, with
// what they led to) and assertions about time.
package peers
