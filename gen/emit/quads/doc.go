// Package quads emits generated/quads: what every kind says in the graph.
//
// Deliberately absent: reading quads, which gen/base does for all kinds from
// their description.
package quads
