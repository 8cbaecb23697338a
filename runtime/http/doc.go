// Package http is the edge of a node: it turns requests into commands and
// queries for the kernel, and views of the kernel into documents.
//
// It decides nothing. What is allowed is asked of the front door (command),
// what exists is read from one view per request (projection), so that every
// answer shows exactly one position of the log. It knows no kind: routes come
// from generated/api, bodies are read by generated/codec.
package http
